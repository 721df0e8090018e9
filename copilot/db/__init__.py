"""Ground floor: one engine, one metadata, numbered migrations. Rooms declare their own tables on `metadata`."""
