package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bearerkit/bearerkit/consumer"
)

var errNoTenant = errors.New("the issuer is not a tenant's")

// directory knows the tenants. In earnest it is a table in a database, and a copy of its issuers in memory.
type directory struct {
	onLoopback bool // the issuers of a demonstration are

	mu    sync.RWMutex // guards names
	names map[string]string
}

func newDirectory() *directory { return &directory{names: make(map[string]string)} }

func (d *directory) add(issuer, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[issuer] = name
}

func (d *directory) remove(issuer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, issuer)
}

func (d *directory) name(issuer string) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	name, ok := d.names[issuer]
	return name, ok
}

// resolve makes the Consumer of a tenant. Anybody can send any issuer, so the answer comes from memory, and for one that
// is not a tenant's nothing is fetched.
func (d *directory) resolve(_ context.Context, issuer string) (*consumer.Consumer, error) {
	if _, ok := d.name(issuer); !ok {
		return nil, errNoTenant
	}
	return consumer.New(consumer.Config{
		Issuer:   issuer,
		Audience: []string{"https://api.example.com"},

		// Tenants name their issuers themselves. Without this one of them could name a host inside your network, and have
		// the API send requests there. Always set it; here the issuers are on loopback, where it would keep us from them.
		PublicAddressesOnly: !d.onLoopback,
	})
}

// check is asked on every request.
func (d *directory) check(_ context.Context, token *consumer.Token) error {
	if _, ok := d.name(token.Issuer()); !ok {
		return errNoTenant
	}
	return nil
}
