"""Learning which sentence speaks of which segment."""

from tsalign.align.concepts import ConceptText
from tsalign.align.contrastive import Contrastive
from tsalign.align.losses import infonce, supcon
from tsalign.align.pairs import Pairs
from tsalign.align.signal_encoder import Mlp, SignalEncoder
from tsalign.align.text_encoder import MiniLM, SentenceTransformerText, TextEncoder
from tsalign.align.token_encoder import TokenEncoder

__all__ = [
    "ConceptText",
    "Contrastive",
    "MiniLM",
    "Mlp",
    "Pairs",
    "SentenceTransformerText",
    "SignalEncoder",
    "TextEncoder",
    "TokenEncoder",
    "infonce",
    "supcon",
]
