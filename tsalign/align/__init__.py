"""Learning which sentence speaks of which segment."""

from tsalign.align.contrastive import Contrastive
from tsalign.align.loss.bags import max_mil, mil_nce, unique
from tsalign.align.loss.losses import dcl, infonce, siglip, supcon
from tsalign.align.loss.negatives import close_concepts, hard_negatives, opposites
from tsalign.align.loss.similarities import Correlation, Cosine, Kernel, Relational
from tsalign.align.loss.tiled import tiled_siglip, tiled_supcon
from tsalign.align.pairs import Pairs
from tsalign.align.pooling.pooling import Attention
from tsalign.align.pooling.whole import notes_for, recordings_for
from tsalign.align.retrieval.find import Hit, find, sentences_for
from tsalign.align.retrieval.index import Index
from tsalign.align.retrieval.queries import Queries, terms
from tsalign.align.signal.augmentation import Augment
from tsalign.align.signal.context import ContextEncoder
from tsalign.align.signal.mlp import Mlp, SignalEncoder
from tsalign.align.signal.samples import Conv, Patch
from tsalign.align.signal.tokens import TokenEncoder
from tsalign.align.space.hub import from_hub, push_to_hub
from tsalign.align.supervision.noted import Noted, pairs_of
from tsalign.align.text.concepts import ConceptText
from tsalign.align.text.encoder import MiniLM, Reader, SentenceTransformerText, TextEncoder
from tsalign.align.text.identity import text_identity
from tsalign.align.text.parts import Joined, Prompts
from tsalign.information import Bounds, mutual_information, shared_and_unique

__all__ = [
    "Attention",
    "Augment",
    "Bounds",
    "ConceptText",
    "ContextEncoder",
    "Contrastive",
    "Conv",
    "Correlation",
    "Cosine",
    "Hit",
    "Index",
    "Joined",
    "Kernel",
    "MiniLM",
    "Mlp",
    "Noted",
    "Pairs",
    "Patch",
    "Prompts",
    "Queries",
    "Reader",
    "Relational",
    "SentenceTransformerText",
    "SignalEncoder",
    "TextEncoder",
    "TokenEncoder",
    "close_concepts",
    "dcl",
    "find",
    "from_hub",
    "hard_negatives",
    "infonce",
    "max_mil",
    "mil_nce",
    "mutual_information",
    "notes_for",
    "opposites",
    "pairs_of",
    "push_to_hub",
    "recordings_for",
    "sentences_for",
    "shared_and_unique",
    "siglip",
    "supcon",
    "terms",
    "text_identity",
    "tiled_siglip",
    "tiled_supcon",
    "unique",
]
