// Move the watermark to a batch; no row if that batch was written before.
// mode: write
// params: $seq $batch
MATCH (load:Load {seq: $seq})
SET load.locked = true
REMOVE load.locked
WITH load
WHERE load.batch = $batch - 1
SET load.batch = $batch
RETURN load.batch AS batch
