// The unique keys find the beginnings of ids too, and a full-text index cost each write and the first import dearly.
// mode: schema
// params:
DROP INDEX search IF EXISTS
