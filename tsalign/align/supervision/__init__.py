"""From notes of any kind to pairs of segments and sentences."""
