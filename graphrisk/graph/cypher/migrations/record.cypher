// Record a migration as applied.
// mode: write
// params: $name $checksum
MERGE (migration:Migration {name: $name})
SET migration.checksum = $checksum, migration.appliedAt = coalesce(migration.appliedAt, datetime())
