// How far each load has been written.
// mode: read
// params:
MATCH (load:Load)
RETURN load.seq AS seq, load.load AS load, load.batch AS batch, load.done AS done
ORDER BY seq
