package dpop

import "strconv"

// Error says why a proof was rejected. All errors of [Checker.Read] and [Checker.Check] are of the type *Error.
type Error struct {
	// Nonce is true if the only fault found is the nonce of the proof: it is missing, unknown or too old. The response is
	// then use_dpop_nonce with a new nonce (RFC 9449 section 9). Otherwise it is invalid_dpop_proof.
	Nonce bool

	// Detail describes the fault for the operator. It contains no jti, no token, no nonce and no part of a key, and is
	// safe to log. Values of the proof in it are quoted and cut. Do not send it to the caller.
	Detail string
}

func (e *Error) Error() string { return "dpop: " + e.Detail }

// reject returns an error for a proof that is not acceptable.
func reject(detail string) error { return &Error{Detail: detail} }

// maxQuoted bounds a value of the proof in an error, in bytes.
const maxQuoted = 100

// quoted returns a value of the proof for a Detail.
func quoted(value string) string {
	if len(value) > maxQuoted {
		return strconv.Quote(value[:maxQuoted]) + "…"
	}
	return strconv.Quote(value)
}
