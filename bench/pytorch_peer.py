"""PyTorch's training for sharcs_bench. Needs torch and transformers.

usage: pytorch_peer.py SENTENCES TOKENS THREADS
Makes a BertForSequenceClassification of BERT-base without dropout, and AdamW. Then says "ready NAME" and reads lines "fp32" or
"bf16"; to each it takes one training step on random words, with autocast where it is bf16, and answers "done".
"""
import contextlib
import sys

import torch
import transformers


def main():
    sentences, tokens, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    config = transformers.BertConfig(num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = transformers.BertForSequenceClassification(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    words = torch.randint(0, config.vocab_size, (sentences, tokens))
    labels = torch.arange(sentences) % 2
    print("ready PyTorch", torch.__version__.split("+")[0], flush=True)
    for line in sys.stdin:
        bf16 = torch.autocast("cpu", torch.bfloat16) if line.strip() == "bf16" else contextlib.nullcontext()
        optimizer.zero_grad()
        with bf16:
            loss = model(input_ids=words, labels=labels).loss
        loss.backward()
        optimizer.step()
        print("done", flush=True)


main()
