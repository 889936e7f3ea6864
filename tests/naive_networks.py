"""Slow, obvious twins of the networks over sequences: one row, one neighbour at a time."""

from __future__ import annotations

import math

import numpy as np


def linear(x, weights, name):
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def norm(x, weights, name, least=1e-5):
    scaled = (x - x.mean()) / math.sqrt(x.var() + least)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x):
    return np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x])


def softmax(x):
    chances = np.exp(np.array(x) - max(x))
    return chances / chances.sum()


def dilated(rows, weights, at, step):
    """Each row with the rows `step` before and after it, where there are such."""
    nothing = np.zeros_like(rows[0])
    out = []
    for i, row in enumerate(rows):
        three = [
            norm(rows[j], weights, f"{at}.norm") if 0 <= j < len(rows) else nothing
            for j in (i - step, i, i + step)
        ]
        mixed = gelu(linear(np.concatenate(three), weights, f"{at}.mix"))
        out.append(row + linear(mixed, weights, f"{at}.join"))
    return out


def near(rows, weights, at, reach, heads):
    """Each row looks at every row at most `reach` away, then is thought over."""
    W = len(rows[0])
    size = W // heads
    qkv = [linear(norm(row, weights, f"{at}.before"), weights, f"{at}.qkv") for row in rows]
    out = []
    for i, row in enumerate(rows):
        seen = [j for j in range(len(rows)) if abs(j - i) <= reach]
        looked = []
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            q = qkv[i][:W][part]
            logits = [
                q @ qkv[j][W : 2 * W][part] / math.sqrt(size)
                + weights[f"{at}.far"][h, j - i + reach]
                for j in seen
            ]
            shares = softmax(logits)
            looked.append(sum(s * qkv[j][2 * W :][part] for s, j in zip(shares, seen, strict=True)))
        row = row + linear(np.concatenate(looked), weights, f"{at}.join")
        thought = gelu(linear(norm(row, weights, f"{at}.between"), weights, f"{at}.think.0"))
        out.append(row + linear(thought, weights, f"{at}.think.2"))
    return out


def in_context(rows, weights, clip, block, layers):
    """The network: `block(rows, name, layer)` once a layer."""
    rows = [gelu(linear(np.clip(row, -clip, clip), weights, "rows")) for row in rows]
    for layer in range(layers):
        rows = block(rows, f"blocks.{layer}", layer)
    return np.array([linear(norm(row, weights, "last"), weights, "out") for row in rows])


def bert_layer(rows, weights, heads):
    """Each row looks at all, is normed, thought over and normed again."""
    size = len(rows[0]) // heads
    q, k, v = (
        [linear(row, weights, f"attention.self.{name}") for row in rows]
        for name in ("query", "key", "value")
    )
    out = []
    for i, row in enumerate(rows):
        looked = []
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            shares = softmax([q[i][part] @ other[part] / math.sqrt(size) for other in k])
            looked.append(sum(s * other[part] for s, other in zip(shares, v, strict=True)))
        seen = linear(np.concatenate(looked), weights, "attention.output.dense")
        x = norm(row + seen, weights, "attention.output.LayerNorm", 1e-12)
        wide = linear(gelu(linear(x, weights, "intermediate.dense")), weights, "output.dense")
        out.append(norm(x + wide, weights, "output.LayerNorm", 1e-12))
    return out


def pooled(members, weights, at, scale, heads):
    """One set into one place: what each member counts, a head at a time."""
    E = len(members[0])
    size = E // heads
    mean = sum(members) / len(members)
    query = weights[f"{at}.queries"][scale] + weights[f"{at}.aside.weight"] @ mean
    keys = [weights[f"{at}.keys.weight"] @ x for x in members]
    out = []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        shares = softmax([float(query[part] @ key[part]) * math.sqrt(size) for key in keys])
        out.append(sum(s * x[part] for s, x in zip(shares, members, strict=True)))
    whole = np.concatenate(out)
    return whole / math.sqrt(whole @ whole)
