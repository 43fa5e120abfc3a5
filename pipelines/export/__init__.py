"""What is published, in the shapes that other programs read: frames in, frames out. Files are written by `export_files`."""
