"""Close a channel at both its ends, as a broker does that meets an error on it."""

from drillbook.faults.wire_fault import WireFault


class CloseChannel(WireFault):
    """Close the channel that the message is on, in the name of the other end, to the broker and to the client; the message is lost.

    What the channel's consumers had goes back to the queues, and what a transaction had not committed is undone.
    """

    kind = "close_channel"
    action = "close"
