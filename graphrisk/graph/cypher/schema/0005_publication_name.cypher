// There is one pointer.
// mode: schema
// params:
CREATE CONSTRAINT publication_name IF NOT EXISTS
FOR (publication:Publication)
REQUIRE publication.name IS UNIQUE
