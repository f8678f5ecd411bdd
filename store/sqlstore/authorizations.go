package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Authorizations stores which scopes a user has authorized a client to use, for an authorization server that requests
// consent only once. It is safe for concurrent use. Errors are those of the methods of [Store].
//
// [Clients.Delete] also deletes the authorizations of the client.
type Authorizations struct{ d *database }

// Authorizations returns the store of authorizations.
func (s *Store) Authorizations() *Authorizations { return &Authorizations{&s.database} }

// Authorization contains the scopes that one owner has authorized one client to use.
type Authorization struct {
	// ClientID is the id of the client, and Owner the user. Owner is empty if a client was authorized without a user.
	ClientID, Owner string

	// Scopes are the authorized scopes, in ascending order. An empty scope records an authorization without scopes.
	Scopes []string
}

const maxScopes = 1000 // of one authorization

// The statements of [Authorizations].
const (
	authorizationsGet = `
SELECT client_id, scope FROM bearerkit_authorizations WHERE client_id = ? AND owner = ? ORDER BY scope`
	authorizationsList = `
SELECT a.client_id, a.scope
FROM (SELECT DISTINCT client_id FROM bearerkit_authorizations WHERE owner = ? ORDER BY client_id LIMIT ? OFFSET ?) AS page
JOIN bearerkit_authorizations AS a ON a.client_id = page.client_id
WHERE a.owner = ? ORDER BY a.client_id, a.scope`

	// Concurrent calls of Set wait for the lock of this row. Otherwise neither would delete what the other one inserts.
	authorizationsLock   = `SELECT pruned FROM bearerkit_state WHERE id = 1 FOR UPDATE`
	authorizationsRemove = `DELETE FROM bearerkit_authorizations WHERE client_id = ? AND owner = ?`
	authorizationsInsert = `
INSERT INTO bearerkit_authorizations (client_id, owner, scope, created) VALUES (?, ?, ?, ?)`

	authorizationsOfClient = `DELETE FROM bearerkit_authorizations WHERE client_id = ?`
	authorizationsOfOwner  = `DELETE FROM bearerkit_authorizations WHERE owner = ?`
)

// Get returns the scopes that owner has authorized clientID to use, in ascending order. It returns nil if there is no
// authorization.
func (a *Authorizations) Get(ctx context.Context, clientID, owner string) ([]string, error) {
	if !canExist(clientID, owner) {
		return nil, nil
	}
	found, err := a.read(ctx, "Authorizations.Get", owner, authorizationsGet, clientID, owner)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].Scopes, nil
}

// List returns the authorizations of an owner, in ascending order of the client ids. It leaves out the first skip of them, and
// returns at most take.
func (a *Authorizations) List(ctx context.Context, owner string, skip, take int) ([]Authorization, error) {
	if !canExist(owner) {
		return nil, nil
	}
	return a.read(ctx, "Authorizations.List", owner, authorizationsList, owner, take, skip, owner)
}

// read returns the authorizations that a statement selects. It collects the rows of each client.
func (a *Authorizations) read(ctx context.Context, operation, owner string, text string, args ...any) ([]Authorization, error) {
	limited, cancel := a.d.limited(ctx)
	defer cancel()
	var found []Authorization
	err := a.d.query(limited, a.d.portable(text), args, func(rows *sql.Rows) error {
		var id, scope string
		if err := rows.Scan(&id, &scope); err != nil {
			return err
		}
		if len(found) == 0 || found[len(found)-1].ClientID != id {
			found = append(found, Authorization{ClientID: id, Owner: owner})
		}
		last := &found[len(found)-1]
		last.Scopes = append(last.Scopes, scope)
		return nil
	})
	if err != nil {
		return nil, a.d.failed(ctx, operation, err)
	}
	return found, nil
}

// Set replaces all scopes of an authorization in one transaction. If scopes is empty, the authorization is deleted. Duplicates are
// ignored.
//
// There can be at most 1000 scopes. Each scope, clientID and owner have at most 255 bytes and are valid UTF-8 without NUL. For
// other arguments, Set returns a [*ValueError], and the other methods find nothing.
func (a *Authorizations) Set(ctx context.Context, clientID, owner string, scopes []string) error {
	const operation = "Authorizations.Set"
	if err := checkAuthorization(operation, clientID, owner, scopes); err != nil {
		return err
	}
	limited, cancel := a.d.limited(ctx)
	defer cancel()
	return a.d.failed(ctx, operation, a.d.write(limited, func(t transaction) error {
		return t.replaceScopes(limited, clientID, owner, scopes)
	}))
}

// checkAuthorization returns a *ValueError if an authorization cannot be stored.
func checkAuthorization(operation, clientID, owner string, scopes []string) error {
	if len(scopes) > maxScopes {
		return &ValueError{operation, "scopes", fmt.Sprintf("has %d elements, expected at most %d", len(scopes), maxScopes)}
	}
	if err := checkTexts(operation, named{"clientID", clientID}, named{"owner", owner}); err != nil {
		return err
	}
	for i, scope := range scopes {
		if err := checkTexts(operation, named{fmt.Sprintf("scopes[%d]", i), scope}); err != nil {
			return err
		}
	}
	return nil
}

// replaceScopes replaces all scopes of an authorization.
func (t transaction) replaceScopes(ctx context.Context, clientID, owner string, scopes []string) error {
	if err := t.lockAuthorizations(ctx); err != nil {
		return err
	}
	if _, err := t.exec(ctx, t.d.portable(authorizationsRemove), clientID, owner); err != nil {
		return err
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	now := micros(time.Now())
	for _, scope := range slices.Compact(sorted) {
		if _, err := t.exec(ctx, t.d.portable(authorizationsInsert), clientID, owner, scope, now); err != nil {
			return err
		}
	}
	return nil
}

// lockAuthorizations waits until no other transaction replaces scopes.
func (t transaction) lockAuthorizations(ctx context.Context) error {
	if t.d.dialect == SQLite { // its transactions run one after the other
		return nil
	}
	return t.query(ctx, t.d.portable(authorizationsLock), nil, func(*sql.Rows) error { return nil })
}

// scopes returns the stored scopes of an authorization, in ascending order.
func (t transaction) scopes(ctx context.Context, clientID, owner string) (scopes []string, err error) {
	err = t.query(ctx, t.d.portable(authorizationsGet), []any{clientID, owner}, func(rows *sql.Rows) error {
		var id, scope string
		err := rows.Scan(&id, &scope)
		scopes = append(scopes, scope)
		return err
	})
	return scopes, err
}

// sameScopes reports whether two lists contain the same scopes.
func sameScopes(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// Delete deletes the authorization of one client by one owner. It is not an error if there is none.
func (a *Authorizations) Delete(ctx context.Context, clientID, owner string) error {
	return a.remove(ctx, "Authorizations.Delete", authorizationsRemove, clientID, owner)
}

// DeleteOwner deletes all authorizations of an owner, for example when the account of a user is deleted.
func (a *Authorizations) DeleteOwner(ctx context.Context, owner string) error {
	return a.remove(ctx, "Authorizations.DeleteOwner", authorizationsOfOwner, owner)
}

func (a *Authorizations) remove(ctx context.Context, operation string, text string, texts ...string) error {
	if !canExist(texts...) {
		return nil
	}
	args := make([]any, len(texts))
	for i := range texts {
		args[i] = texts[i]
	}
	limited, cancel := a.d.limited(ctx)
	defer cancel()
	_, err := a.d.exec(limited, a.d.portable(text), args...)
	return a.d.failed(ctx, operation, err)
}
