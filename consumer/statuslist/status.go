package statuslist

import "fmt"

// Status is the status of a token in a list (section 7.1 of the draft).
type Status uint8

// The statuses that the draft defines. The meaning of 0x03 and of 0x0B to 0x0F depends on the application. All others are
// reserved.
const (
	Valid     Status = 0x00 // the token may be used
	Invalid   Status = 0x01 // the token was revoked
	Suspended Status = 0x02 // the token may not be used for now
)

// String returns the name of s in the draft, or its number.
func (s Status) String() string {
	switch s {
	case Valid:
		return "VALID"
	case Invalid:
		return "INVALID"
	case Suspended:
		return "SUSPENDED"
	}
	return fmt.Sprintf("0x%02X", uint8(s))
}
