package connectauth

import "encoding/binary"

// Flags in the first byte of a message that ends a stream.
const (
	flagEndConnect = 0b0000_0010 // Connect: the message contains the error as JSON
	flagEndWeb     = 0b1000_0000 // gRPC-Web: the message contains the trailers
)

// frames follows the messages of a body. Each has a prefix of 5 bytes: flags, and the length of the rest.
type frames struct {
	prefix [5]byte
	read   int    // bytes of prefix; 0 between two messages
	left   uint32 // bytes of the rest
	flags  byte   // of protocols that mark the last message
	last   bool   // a message with one of these flags was passed
}

// pass follows data and returns its length. If ended is set, it stops at the end of the current message and returns the
// length up to there.
func (f *frames) pass(data []byte, ended bool) int {
	n := 0
	for n < len(data) && (f.read > 0 || !ended) {
		if f.read < len(f.prefix) {
			f.prefix[f.read] = data[n]
			f.read++
			n++
			f.begin()
			continue
		}
		rest := min(int64(f.left), int64(len(data)-n))
		f.left -= uint32(rest) //nolint:gosec // at most f.left
		n += int(rest)
		f.complete()
	}
	return n
}

// begin reads the prefix when it is complete.
func (f *frames) begin() {
	if f.read < len(f.prefix) {
		return
	}
	f.left = binary.BigEndian.Uint32(f.prefix[1:])
	f.last = f.last || f.prefix[0]&f.flags != 0
	f.complete()
}

// complete begins the next message when the current one is complete.
func (f *frames) complete() {
	if f.left == 0 {
		f.read = 0
	}
}

// endFlags returns the flags of the last message of a protocol.
func endFlags(p protocol) byte {
	switch p {
	case connectStream:
		return flagEndConnect
	case grpcWeb:
		return flagEndWeb
	default: // gRPC has trailers, and other bodies are not divided into messages that could be read
		return 0
	}
}
