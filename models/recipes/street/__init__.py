"""The recipe of ``models/street``: YOLOv8n, adapted to what stands and waits on a street."""
