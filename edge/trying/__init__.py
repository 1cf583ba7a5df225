"""Takes a clip through the whole edge as fast as it goes, and scores what came out against what is known of it."""
