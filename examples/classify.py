"""Classifies sentences from Python, by the C interface and ctypes:

    python classify.py libsharcs_inference.so runs/sst2 "a wonderful film" "it is not a dull story"

The library is built with cmake -DBUILD_SHARED_LIBS=ON.
"""
import ctypes
import json
import sys


class Prediction(ctypes.Structure):
    """sharcs_prediction of sharcs.h, member by member."""
    _fields_ = [("size", ctypes.c_size_t), ("label", ctypes.c_int), ("asked", ctypes.c_int), ("truncated", ctypes.c_int),
                ("width", ctypes.c_double), ("multiply_adds", ctypes.c_int64), ("answer", ctypes.c_char_p),
                ("logit_count", ctypes.c_size_t), ("logits", ctypes.POINTER(ctypes.c_float)),
                ("probabilities", ctypes.POINTER(ctypes.c_float)), ("label_count", ctypes.c_size_t),
                ("labels", ctypes.POINTER(ctypes.c_int))]


class Classifier:
    def __init__(self, library, directory):
        self.lib = ctypes.CDLL(library)
        if self.lib.sharcs_abi_version() != 1:
            raise RuntimeError("this program was written for ABI version 1")
        self.lib.sharcs_last_error.restype = self.lib.sharcs_label_name.restype = ctypes.c_char_p
        self.lib.sharcs_embedding_size.restype = ctypes.c_size_t
        self.handle = ctypes.c_void_p()
        self.check(self.lib.sharcs_load(directory.encode(), None, ctypes.byref(self.handle)))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.lib.sharcs_last_error().decode())

    def classify(self, texts):
        """A dictionary for each text."""
        results, predictions = ctypes.c_void_p(), []
        self.check(self.lib.sharcs_classify(self.handle, c_strings(texts), None, ctypes.c_size_t(len(texts)), None,
                                            ctypes.byref(results)))
        for i in range(len(texts)):
            found = Prediction(size=ctypes.sizeof(Prediction))
            self.check(self.lib.sharcs_result(results, ctypes.c_size_t(i), ctypes.byref(found)))
            predictions.append({"label": self.lib.sharcs_label_name(self.handle, found.label).decode(),
                                "answer": found.answer.decode(), "logits": found.logits[:found.logit_count]})
        self.lib.sharcs_results_free(results)
        return predictions

    def embed(self, texts):
        """The mean of each text's token vectors after the last layer."""
        size = self.lib.sharcs_embedding_size(self.handle)
        vectors = (ctypes.c_float * (size * len(texts)))()
        self.check(self.lib.sharcs_embed(self.handle, c_strings(texts), None, ctypes.c_size_t(len(texts)), None, vectors,
                                         ctypes.c_size_t(len(vectors))))
        return [vectors[i * size:(i + 1) * size] for i in range(len(texts))]

    def __del__(self):
        self.lib.sharcs_free(self.handle)


def c_strings(texts):
    return (ctypes.c_char_p * len(texts))(*(text.encode() for text in texts))


if __name__ == "__main__":
    for prediction in Classifier(sys.argv[1], sys.argv[2]).classify(sys.argv[3:]):
        print(json.dumps(prediction))
