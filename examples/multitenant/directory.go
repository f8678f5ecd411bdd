package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bearerkit/bearerkit/consumer"
)

// errNoTenant rejects a token whose issuer does not belong to a tenant, or not any more.
var errNoTenant = errors.New("the issuer does not belong to a tenant")

// directory maps the issuers of tenants to their names. In production, use a database table and a copy of it in memory.
type directory struct {
	onLoopback bool // the issuers listen on loopback, as in this example

	mu    sync.RWMutex // guards names
	names map[string]string
}

func newDirectory() *directory { return &directory{names: make(map[string]string)} }

// add adds a tenant. The API accepts its tokens from now on.
func (d *directory) add(issuer, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[issuer] = name
}

// remove removes a tenant. The API rejects its tokens from now on, because check calls name for each request.
func (d *directory) remove(issuer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, issuer)
}

// name returns the name of the tenant whose tokens issuer signs.
func (d *directory) name(issuer string) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	name, ok := d.names[issuer]
	return name, ok
}

// resolve returns a Consumer for the issuer of a tenant. The issuer comes from an unverified token, so resolve only reads
// memory and rejects unknown issuers without a request.
func (d *directory) resolve(_ context.Context, issuer string) (*consumer.Consumer, error) {
	if _, ok := d.name(issuer); !ok {
		return nil, errNoTenant
	}
	return consumer.New(consumer.Config{
		Issuer:   issuer,
		Audience: []string{"https://api.example.com"},

		// Tenants choose their issuer URLs. Without this setting, a tenant could make the API send requests to a host in
		// your network. Always set it to true. This example cannot, because its issuers listen on loopback.
		PublicAddressesOnly: !d.onLoopback,
	})
}

// check is the rule that rejects tokens of removed tenants. The Guard calls it on every request.
func (d *directory) check(_ context.Context, token *consumer.Token) error {
	if _, ok := d.name(token.Issuer()); !ok {
		return errNoTenant
	}
	return nil
}
