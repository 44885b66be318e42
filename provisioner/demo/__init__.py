"""The demo province: real communes, invented codes, head counts and people."""
