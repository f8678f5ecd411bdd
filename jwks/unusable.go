package jwks

// UnusableKey is a key of a set that was left out. The other keys of the set are used all the same.
type UnusableKey struct {
	// KeyID is the key's `kid`; empty if it has none or an invalid one.
	KeyID string

	// Cause is one of the constants below; it fits a metric label.
	Cause Fault

	// Detail says it in words for the operator. It quotes nothing of the key.
	Detail string
}

// Fault says why a key is unusable.
type Fault string

// The faults of a key. FaultPrivate and FaultSymmetric say that the issuer has published a secret: whoever has read
// the set can sign tokens with that key, so make it known there.
const (
	FaultMalformed Fault = "malformed" // a member is missing or broken
	FaultType      Fault = "type"      // kty or crv is not supported
	FaultUse       Fault = "use"       // use or key_ops is for something else than verifying signatures
	FaultAlgorithm Fault = "algorithm" // alg is no supported algorithm of the key's type and curve
	FaultWeak      Fault = "weak"      // too small, not on its curve, or known to be breakable
	FaultPrivate   Fault = "private"   // the private key was published
	FaultSymmetric Fault = "symmetric" // a shared secret was published
	FaultDuplicate Fault = "duplicate" // another usable key has the same kid; neither is used
	FaultTooMany   Fault = "too_many"  // the set has more usable keys than Config.MaxKeys
)
