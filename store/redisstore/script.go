package redisstore

import (
	"context"
	"crypto/fips140"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1 hash
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// script is a Lua script with its name in Redis. Redis runs a script atomically.
type script struct{ text, name string }

// newScript returns the script with the given text. It does not send it to Redis.
func newScript(text string) script {
	var sum [sha1.Size]byte
	// FIPS mode forbids SHA-1. The hash is only a name and protects nothing, so it is computed without enforcement.
	fips140.WithoutEnforcement(func() { sum = sha1.Sum([]byte(text)) }) //nolint:gosec // see above
	return script{text, hex.EncodeToString(sum[:])}
}

// run runs the script by its name. If Redis does not have it, run sends the text.
func (s script) run(ctx context.Context, client redis.UniversalClient, keys []string, args ...any) (int64, error) {
	n, err := client.EvalSha(ctx, s.name, keys, args...).Int64()
	if isMissing(err) {
		return client.Eval(ctx, s.text, keys, args...).Int64()
	}
	return n, err
}

// isMissing reports whether Redis does not have the script.
func isMissing(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
