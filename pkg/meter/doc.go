// Package meter stands between a client and a server, counts the turnarounds of their conversations, and can slow them down
// or break them. It knows no protocol, so it serves for databases of every kind.
//
// A turnaround is one time that a client sends after it has heard from the server: what a client sends at once, in however
// many packets and commands, counts as one. The first thing that a client sends on a connection counts too, so the set-up of
// connections must be over before counting starts; [Proxy.Reset] starts over.
//
// A server that begins to answer while the client is still sending makes the rest of the request count once more. Requests
// that fit into the socket's buffers do not suffer from that.
package meter
