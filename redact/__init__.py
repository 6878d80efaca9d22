"""redact: finds faces and people in footage and covers them before anything is stored."""
