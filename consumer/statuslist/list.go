package statuslist

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// list is a status list whose signature and claims were checked. It does not change.
type list struct {
	bits     uint8         // per token: 1, 2, 4 or 8, so no status lies in two bytes
	statuses []byte        // decompressed, because requests read single statuses
	issued   time.Time     // `iat`
	expires  time.Time     // `exp`; zero: never
	ttl      time.Duration // `ttl`; zero: absent
}

// size returns the number of statuses. It counts the unused bits of the last byte as statuses, because the list does not say how
// many tokens there are.
func (l *list) size() int64 { return int64(len(l.statuses)) * 8 / int64(l.bits) }

// at returns the status with the given index, which must not be negative. The statuses in a byte start at its least significant
// bit (section 4.1 of the draft).
func (l *list) at(index int64) (s Status, ok bool) {
	if index >= l.size() {
		return 0, false
	}
	place := uint64(index) * uint64(l.bits) //nolint:gosec // G115: index is not negative
	return Status(l.statuses[place/8] >> (place % 8) & (0xff >> (8 - l.bits))), true
}

// parseStatuses reads the claim status_list of a list token (section 4.2 of the draft) into l.
func (l *list) parseStatuses(text string, maxBytes int) error {
	object, err := compact.ParseObject(text, maxReferenceDepth)
	if err != nil {
		return fmt.Errorf("status_list: %w", err)
	}
	v, _ := object.Get("bits")
	bits, ok := integer(v)
	// The draft allows no other numbers. With 3, for example, a status could lie in two bytes.
	if !ok || bits != 1 && bits != 2 && bits != 4 && bits != 8 {
		return errors.New("bits is not 1, 2, 4 or 8")
	}
	v, _ = object.Get("lst")
	encoded, ok := v.Text()
	if !ok {
		return fmt.Errorf("lst is of type %v, expected a string", v.Kind())
	}
	compressed, err := compact.DecodeSegment(encoded)
	if err != nil {
		return fmt.Errorf("lst: %w", err)
	}
	l.bits = uint8(bits) //nolint:gosec // G115: at most 8
	l.statuses, err = decompress(compressed, maxBytes)
	return err
}

// decompress returns the content of one zlib stream (RFC 1950), which must be at most maxBytes long. DEFLATE compresses at most
// 1032:1, and a list without revoked tokens reaches that, so there is no limit for the ratio.
func decompress(compressed []byte, maxBytes int) ([]byte, error) {
	source := bytes.NewReader(compressed)
	reader, err := zlib.NewReader(source)
	if err != nil {
		return nil, fmt.Errorf("lst is not a zlib stream: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(reader, int64(maxBytes)+1)) // one more byte shows that there are too many
	switch {
	case len(content) > maxBytes:
		return nil, fmt.Errorf("lst has more than %d bytes after its decompression (Config.MaxListBytes)", maxBytes)
	case err != nil:
		return nil, fmt.Errorf("lst is not a zlib stream: %w", err)
	case source.Len() > 0: // another reader could take it for a second part of the list
		return nil, fmt.Errorf("lst has %d bytes after the zlib stream", source.Len())
	}
	return bytes.Clone(content), nil // without the spare capacity
}
