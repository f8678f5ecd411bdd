package consumer

import "github.com/bearerkit/bearerkit/internal/bounded"

// tokenCache remembers verified tokens by a keyed digest, so that no usable token stays in memory once its request is
// over. A nil tokenCache remembers nothing.
type tokenCache struct {
	digester digester
	tokens   *bounded.Map[digest, *Token]
}

func newTokenCache(size int) *tokenCache {
	if size <= 0 {
		return nil
	}
	return &tokenCache{digester: newDigester(), tokens: bounded.New[digest, *Token](size)}
}

// get also returns the digest, under which add and remove know the token: a token is hashed once.
func (c *tokenCache) get(raw string) (t *Token, d digest, ok bool) {
	if c == nil {
		return nil, d, false
	}
	d = c.digester.sum(raw)
	t, ok = c.tokens.Get(d)
	return t, d, ok
}

func (c *tokenCache) add(d digest, t *Token) {
	if c != nil {
		c.tokens.Add(d, t)
	}
}

func (c *tokenCache) remove(d digest) {
	if c != nil {
		c.tokens.Remove(d)
	}
}
