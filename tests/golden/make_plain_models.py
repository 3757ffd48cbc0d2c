"""Makes golden numbers of plain encoders with Hugging Face's transformers: make_plain_models.py OUTPUT_FOLDER.

A small random model for each family that the authors' code does not have: config.json, model.safetensors, inputs,
and every hidden state, the logits, the loss and all gradients, computed in float64 and stored as float32.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, DebertaV2Config, ElectraConfig, ModernBertConfig, MPNetConfig

SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, vocab_size=30,
             hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=3)
# What the published DeBERTa-v3 models have.
DEBERTA = dict(relative_attention=True, pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm",
               position_biased_input=False, position_buckets=8, max_relative_positions=-1, type_vocab_size=0,
               pooler_dropout=0, pooler_hidden_act="gelu")
# A local layer's token sees three on each side, of twelve.
MODERN = dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=20, vocab_size=30, num_labels=3,
              max_position_embeddings=14, pad_token_id=1, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3,
              local_attention=6)
FAMILIES = {
    "plain_deberta": DebertaV2Config(**SIZES, **DEBERTA, max_position_embeddings=40),
    "plain_electra": ElectraConfig(**SIZES, max_position_embeddings=14, embedding_size=12, classifier_dropout=0.0),
    "plain_modernbert": ModernBertConfig(**MODERN),
    "plain_modernbert_biases": ModernBertConfig(
        **MODERN | {"local_attention": 4}, attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True,
        classifier_pooling="mean", classifier_activation="tanh", hidden_activation="gelu_pytorch_tanh",
        layer_types=["full_attention", "sliding_attention", "full_attention", "full_attention"],
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}),
    "plain_mpnet": MPNetConfig(**SIZES, max_position_embeddings=44, pad_token_id=1),
}


def make(folder, config):
    torch.manual_seed(7)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").double().eval()
    with torch.no_grad():
        for name, value in model.named_parameters():  # nothing at its special starting value, everything large enough to matter
            value.copy_(torch.randn_like(value) * (0.3 if value.dim() == 1 else 0.15) + (1.0 if name.endswith(("LayerNorm.weight", "norm.weight")) else 0.0))
            value.copy_(value.float().double())
    tokens = {"mpnet": 37, "deberta-v2": 37}.get(config.model_type, 12)  # so far apart that distances share buckets
    ids = torch.randint(4, config.vocab_size, (3, tokens))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0, 2, 1])}
    if config.model_type == "electra":
        inputs["token_type_ids"] = (torch.arange(tokens) > tokens // 2).long().expand_as(ids).contiguous()
    output = model(**inputs, output_hidden_states=True)
    output.loss.backward()
    folder.mkdir(parents=True, exist_ok=True)
    stored = lambda tensors: {name: value.detach().float().contiguous() for name, value in tensors.items()}
    hidden = {f"hidden.{i}": state for i, state in enumerate(output.hidden_states)}
    save_file(stored(dict(model.named_parameters())), folder / "model.safetensors")
    save_file(stored({n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in model.named_parameters()}),
              folder / "gradients.safetensors")
    save_file(stored({**hidden, "logits": output.logits, "loss_task": output.loss.reshape(1)}), folder / "forward.safetensors")
    inputs.setdefault("token_type_ids", torch.zeros_like(ids))
    save_file(inputs, folder / "inputs.safetensors")
    keys = ["model_type", "pad_token_id", "max_position_embeddings", "layer_norm_eps", "hidden_act",
            "relative_attention_num_buckets", "type_vocab_size", "embedding_size", "summary_type", "summary_activation",
            "summary_use_proj", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "vocab_size", "hidden_dropout_prob", "attention_probs_dropout_prob", *DEBERTA, "norm_eps", "hidden_activation",
            "layer_types", "rope_parameters", "local_attention", "attention_bias", "mlp_bias", "norm_bias", "classifier_bias",
            "classifier_pooling", "classifier_activation"]
    values = {key: getattr(config, key) for key in keys if hasattr(config, key)}
    values["num_labels"] = 3
    (folder / "config.json").write_text(json.dumps(values, indent=1) + "\n")


for name, config in FAMILIES.items():
    make(pathlib.Path(sys.argv[1]) / name, config)
