package seal

import (
	"encoding/binary"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// session is the plaintext of a row of [Sessions]: the expiry in microseconds since 1970, the length of the id, both in 8
// bytes in big-endian order, the id, and the value that scs has encoded.
type session struct {
	id     string
	value  []byte
	expiry time.Time
	plain  bool // the row is not sealed: id is its name, and the value does not contain its expiry
}

const sessionHeader = 8 + 8

func (s session) encode() []byte {
	b := make([]byte, 0, sessionHeader+len(s.id)+len(s.value))
	b = binary.BigEndian.AppendUint64(b, uint64(s.expiry.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.id)))
	b = append(b, s.id...)
	return append(b, s.value...)
}

// decodeSession is the inverse of encode. ok is false if the text has another format, such as that of a value that another
// part of the application has sealed.
func decodeSession(text []byte) (s session, ok bool) {
	if len(text) < sessionHeader {
		return session{}, false
	}
	expiry := int64(binary.BigEndian.Uint64(text)) //nolint:gosec // G115: encode has converted it from an int64
	n := binary.BigEndian.Uint64(text[8:])
	rest := text[sessionHeader:]
	if n > uint64(len(rest)) {
		return session{}, false
	}
	return session{id: string(rest[:n]), value: rest[n:], expiry: time.UnixMicro(expiry)}, true
}

// isOver reports whether the session has expired. The store normally removes such rows, but somebody may have changed the
// expiry there.
func (s session) isOver() bool { return !s.plain && !clock.Now().Time().Before(s.expiry) }
