"""The Docker engine: connecting, containers, labels, images, and what dead runs left."""
