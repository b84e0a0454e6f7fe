// A migration is applied once.
// mode: schema
// params:
CREATE CONSTRAINT migration_name IF NOT EXISTS
FOR (migration:Migration)
REQUIRE migration.name IS UNIQUE
