package redisstore_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store"
)

// The rights that docs/redis.md lists suffice.
func TestACL(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| ACL \| (.*?) \|`).FindStringSubmatch(string(document))
	if row == nil {
		t.Fatal("docs/redis.md has no row ACL")
	}
	server := newServer(t)
	admin := server.client(t)
	user := []any{"ACL", "SETUSER", "api", "on", ">password"}
	for _, right := range strings.Fields(strings.NewReplacer("`", "", ",", "").Replace(row[1])) {
		user = append(user, right)
	}
	do(t, admin, user...)
	client := server.client(t, func(o *redis.Options) { o.Username, o.Password = "api", "password" })
	s := newStore(t, client, often)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	wantFirst(t, "a proof", s, "key", "a")
	wantReplay(t, "its replay", s, "key", "a")
	testStorage(t, s)
	c := new(cache)
	watch(t, s, admin, c)
	if err := s.Save(t.Context(), "key", store.Entry{}); err != nil {
		t.Error(err)
	}
	eventually(t, "the message has arrived", func() bool { return c.some.Load() > 0 })
}
