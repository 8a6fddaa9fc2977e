-- Which blocks lie in a pack: without it, to drop one pack means to look at all blocks there are.
CREATE INDEX blocks_of_pack ON blocks (pack);
