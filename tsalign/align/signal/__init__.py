"""Networks that read segments: their features, their neighbours, their tokens or their samples."""
