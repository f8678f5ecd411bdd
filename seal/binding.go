package seal

import "encoding/binary"

// Bind returns a binding that consists of several parts, such as the name of a table and the primary key of a row. Different
// lists of parts have different bindings: the length of each part precedes it, as 8 bytes in big-endian order. So
// Bind("ab", "c") differs from Bind("a", "bc").
func Bind(parts ...string) []byte {
	size := 0
	for _, part := range parts {
		size += 8 + len(part)
	}
	binding := make([]byte, 0, size)
	for _, part := range parts {
		binding = binary.BigEndian.AppendUint64(binding, uint64(len(part)))
		binding = append(binding, part...)
	}
	return binding
}
