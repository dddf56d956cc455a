"""Cases measured one by one: masks and images read in pairs, detections matched with objects."""
