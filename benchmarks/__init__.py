"""Speed and memory of Equipoise beside its peers."""
