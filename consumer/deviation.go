package consumer

import (
	"context"
	"math/bits"

	"github.com/bearerkit/bearerkit/quirk"
)

// deviations is a set of harmless deviations in one token. It is a set of bits, so that collecting them needs no memory.
// Each place has one bit for null and one for an empty value. The constants below are the other bits.
type deviations uint64

const (
	nonceInAccessToken deviations = 1 << (63 - iota)
	caseVariant
)

// place is a member that may be null or empty. Several claims share a place if a profile selects one of them.
type place uint8

const (
	inType place = iota
	inKeyID
	inSubject
	inAudience
	inID
	inIssuedAt
	inNotBefore
	inClient
	inScope
	inNonce
	inAuthTime
	inMethods
	inConfirmation
	places // the number of places
)

// quirkPlaces has the text and the RFC section of each place.
var quirkPlaces = [places]struct{ name, rfc string }{ //nolint:gochecknoglobals // a table that nothing writes to
	inType:         {"header typ", "RFC 7515 section 4.1.9"},
	inKeyID:        {"header kid", "RFC 7515 section 4.1.4"},
	inSubject:      {"claim sub", "RFC 7519 section 4.1.2"},
	inAudience:     {"claim aud", "RFC 7519 section 4.1.3"},
	inID:           {"claim jti", "RFC 7519 section 4.1.7"},
	inIssuedAt:     {"claim iat", "RFC 7519 section 4.1.6"},
	inNotBefore:    {"claim nbf", "RFC 7519 section 4.1.5"},
	inClient:       {"claim of the client", "RFC 9068 section 2.2"},
	inScope:        {"claim of the scopes", "RFC 9068 section 2.2.3"},
	inNonce:        {"claim nonce", "OpenID Connect Core section 2"},
	inAuthTime:     {"claim auth_time", "RFC 9068 section 2.2.1"},
	inMethods:      {"claim amr", "RFC 9068 section 2.2.1"},
	inConfirmation: {"member of claim cnf", "RFC 7800 section 3.1"},
}

// isNull returns the deviation that the member at this place is null.
func isNull(at place) deviations { return 1 << (2 * at) }

// isEmpty returns the deviation that the member at this place is empty.
func isEmpty(at place) deviations { return 2 << (2 * at) }

// quirks returns the elements of d. It is called once for each new deviation.
func (d deviations) quirks() []quirk.Quirk {
	var list []quirk.Quirk
	for ; d != 0; d &= d - 1 { // removes the lowest bit
		switch lowest := d & -d; lowest {
		case nonceInAccessToken:
			list = append(list, quirk.Quirk{Name: quirk.NonceInAccessToken, Place: "claim nonce", RFC: "OpenID Connect Core section 2"})
		case caseVariant:
			list = append(list, quirk.Quirk{Name: quirk.CaseVariant, Place: "claims", RFC: "RFC 7519 section 4"})
		default:
			list = append(list, lowest.ofPlace())
		}
	}
	return list
}

// ofPlace returns the quirk for a single bit of a place.
func (d deviations) ofPlace() quirk.Quirk {
	bit := bits.TrailingZeros64(uint64(d))
	at, name := quirkPlaces[bit/2], quirk.NullMember
	if bit%2 == 1 {
		name = quirk.EmptyMember
	}
	return quirk.Quirk{Name: name, Place: at.name, RFC: at.rfc}
}

// report records the deviations of a verified token that no earlier token of the Consumer had.
func (c *Consumer) report(ctx context.Context, d deviations) {
	if d == 0 {
		return
	}
	if fresh := d &^ deviations(c.deviations.Or(uint64(d))); fresh != 0 {
		c.quirks.add(ctx, fresh.quirks()...)
	}
}
