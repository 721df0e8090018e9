"""The customer's page, the web desk, and the doors by which stories are pulled. Renders; decides nothing."""
