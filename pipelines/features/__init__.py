"""Features that SQL cannot say plainly: pure functions of frames. Today every feature is a file in `sql/features`."""
