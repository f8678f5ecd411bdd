package consumer

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// tokenCache remembers verified tokens by a keyed digest, so that no usable token stays in memory once its request is
// over. A nil tokenCache remembers nothing.
type tokenCache struct {
	secret [sha256.Size]byte
	shards func() []*lru.Cache[digest, *Token] // made when the first token comes: of many issuers most are idle
}

type digest [sha256.Size]byte

const (
	cacheShards    = 16
	smallCacheSize = 64 * cacheShards // below it one shard, so that the size means what it says
)

func newTokenCache(size int) *tokenCache {
	if size <= 0 {
		return nil
	}
	c := &tokenCache{shards: sync.OnceValue(func() []*lru.Cache[digest, *Token] { return newShards(size) })}
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

func newShards(size int) []*lru.Cache[digest, *Token] {
	count := cacheShards
	if size < smallCacheSize {
		count = 1
	}
	shards := make([]*lru.Cache[digest, *Token], count)
	for i := range shards {
		shards[i], _ = lru.New[digest, *Token](shardSize(size, count)) // fails for no positive size
	}
	return shards
}

// shardSize gives each of several shards some room to spare, because tokens do not spread evenly: without it a cache for
// as many tokens as are in use would still drop some of them again and again.
func shardSize(size, count int) int {
	if count == 1 {
		return size
	}
	return size/count + size/count/4
}

// get also returns the digest, under which add and remove know the token: a token is hashed once.
func (c *tokenCache) get(raw string) (t *Token, d digest, ok bool) {
	if c == nil {
		return nil, d, false
	}
	d = c.digest(raw)
	t, ok = c.shard(d).Get(d)
	return t, d, ok
}

func (c *tokenCache) add(d digest, t *Token) {
	if c != nil {
		c.shard(d).Add(d, t)
	}
}

func (c *tokenCache) remove(d digest) {
	if c != nil {
		c.shard(d).Remove(d)
	}
}

// digest needs no HMAC: the digests never leave the process, so there is nothing to extend.
func (c *tokenCache) digest(raw string) digest {
	var buffer [2 << 10]byte // most tokens fit, and need no allocation
	return sha256.Sum256(append(append(buffer[:0], c.secret[:]...), raw...))
}

func (c *tokenCache) shard(d digest) *lru.Cache[digest, *Token] {
	shards := c.shards()
	return shards[int(d[0])%len(shards)]
}
