package connectauth

import "encoding/binary"

// Flags in the first byte of a message that ends a stream.
const (
	flagEndConnect = 0b0000_0010 // Connect: the message contains the error as JSON
	flagEndWeb     = 0b1000_0000 // gRPC-Web: the message contains the trailers
)

// frames finds the ends of the messages in a body. Each message has a prefix of 5 bytes: one byte of flags, and the length of
// the rest as a big-endian number of 4 bytes.
type frames struct {
	prefix [5]byte
	read   int    // how many bytes of prefix are known; 0 between two messages
	left   uint32 // how many bytes of the current message follow, after its prefix
	flags  byte   // the flags of the last message; zero if the protocol does not mark it
	last   bool   // whether a message with one of these flags has begun
}

// pass reads data, the next bytes of the body, and returns how many of them may be written: all, or if ended is true, only those
// up to the end of the current message.
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

// begin reads the length and the flags of a message if its prefix is complete.
func (f *frames) begin() {
	if f.read < len(f.prefix) {
		return
	}
	f.left = binary.BigEndian.Uint32(f.prefix[1:])
	f.last = f.last || f.prefix[0]&f.flags != 0
	f.complete()
}

// complete prepares for the next message if the current one is complete.
func (f *frames) complete() {
	if f.left == 0 {
		f.read = 0
	}
}

// endFlags returns the flags that mark the last message in a protocol, or zero.
func endFlags(p protocol) byte {
	switch p {
	case connectStream:
		return flagEndConnect
	case grpcWeb:
		return flagEndWeb
	default: // gRPC has trailers instead, and the messages of grpcWebText are encoded in base64
		return 0
	}
}
