"""What a consumer that begins now has to read of a program: the events that still matter, instead of all there were."""
