// An attribute is one node.
// mode: schema
// params:
CREATE CONSTRAINT attribute_token IF NOT EXISTS
FOR (attribute:Attribute)
REQUIRE attribute.token IS UNIQUE
