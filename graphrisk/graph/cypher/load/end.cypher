// Mark a load as written whole.
// mode: write
// params: $seq
MATCH (load:Load {seq: $seq})
SET load.done = true
