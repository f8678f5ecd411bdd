package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/store"
)

// Clients stores registered clients. It implements registry.Store:
//
//	clients, err := registry.New(registry.Config{Store: sqlStore.Clients()})
//
// Errors are those of the methods of [Store]. Ids, names and owners have at most 255 bytes, data has at most 4 MiB, and all of them
// are valid UTF-8 without NUL. For other values, Create and Update return a [*ValueError], and the other methods find nothing.
// Clients is safe for concurrent use.
type Clients struct{ d *database }

// Clients returns the store of registered clients.
func (s *Store) Clients() *Clients { return &Clients{&s.database} }

// The statements of [Clients].
const (
	clientsGet = `SELECT id, name, owner, version, data FROM bearerkit_clients WHERE id = ?`

	clientsList = `
SELECT id, name, owner, version, data FROM bearerkit_clients ORDER BY id LIMIT ? OFFSET ?`
	clientsListOwned = `
SELECT id, name, owner, version, data FROM bearerkit_clients WHERE owner = ? ORDER BY id LIMIT ? OFFSET ?`
	clientsByName = `
SELECT id, name, owner, version, data FROM bearerkit_clients WHERE name = ? ORDER BY id LIMIT ? OFFSET ?`
	clientsByNameOwned = `
SELECT id, name, owner, version, data FROM bearerkit_clients WHERE name = ? AND owner = ? ORDER BY id LIMIT ? OFFSET ?`

	clientsCreate = `
INSERT INTO bearerkit_clients (id, name, owner, version, data) VALUES (?, ?, ?, ?, ?)`
	clientsCreateNew = clientsCreate + ` ON CONFLICT (id) DO NOTHING`
	clientsUpdate    = `
UPDATE bearerkit_clients SET name = ?, owner = ?, version = ?, data = ? WHERE id = ? AND version = ?`
	clientsDelete = `DELETE FROM bearerkit_clients WHERE id = ?`
)

// maxText is the length of the columns for ids, names and owners in bytes. Longer texts are rejected, because MariaDB cuts them
// in some SQL modes.
const maxText = 255

// maxData limits the data of a client and the sealed value of a token, in bytes. In some SQL modes, MariaDB cuts values of more than
// 16 MiB, and its servers and drivers limit the size of a statement.
const maxData = 4 << 20

// Get implements registry.Store.
func (c *Clients) Get(ctx context.Context, id string) (row store.ClientRow, found bool, err error) {
	if !canExist(id) {
		return store.ClientRow{}, false, nil
	}
	rows, err := c.read(ctx, "Clients.Get", clientsGet, id)
	if err != nil || len(rows) == 0 {
		return store.ClientRow{}, false, err
	}
	return rows[0], true, nil
}

// ByName implements registry.Store.
func (c *Clients) ByName(ctx context.Context, name string, owner *string, skip, take int) ([]store.ClientRow, error) {
	switch {
	case !canExist(name) || owner != nil && !canExist(*owner):
		return nil, nil
	case owner == nil:
		return c.read(ctx, "Clients.ByName", clientsByName, name, take, skip)
	}
	return c.read(ctx, "Clients.ByName", clientsByNameOwned, name, *owner, take, skip)
}

// List implements registry.Store.
func (c *Clients) List(ctx context.Context, owner *string, skip, take int) ([]store.ClientRow, error) {
	switch {
	case owner == nil:
		return c.read(ctx, "Clients.List", clientsList, take, skip)
	case !canExist(*owner):
		return nil, nil
	}
	return c.read(ctx, "Clients.List", clientsListOwned, *owner, take, skip)
}

// read returns the rows that a statement selects.
func (c *Clients) read(ctx context.Context, operation string, text string, args ...any) ([]store.ClientRow, error) {
	limited, cancel := c.d.limited(ctx)
	defer cancel()
	var found []store.ClientRow
	err := c.d.query(limited, c.d.portable(text), args, func(rows *sql.Rows) error {
		var row store.ClientRow
		if err := rows.Scan(&row.ID, &row.Name, &row.Owner, &row.Version, &row.Data); err != nil {
			return err
		}
		found = append(found, row)
		return nil
	})
	if err != nil {
		return nil, c.d.failed(ctx, operation, err)
	}
	return found, nil
}

// Create implements registry.Store.
func (c *Clients) Create(ctx context.Context, row store.ClientRow) (created bool, err error) {
	if err := checkClient("Clients.Create", row); err != nil {
		return false, err
	}
	limited, cancel := c.d.limited(ctx)
	defer cancel()
	created, err = c.d.insert(limited, clientsCreate, clientsCreateNew, row.ID, row.Name, row.Owner, row.Version, string(row.Data))
	return created, c.d.failed(ctx, "Clients.Create", err)
}

// Update implements registry.Store.
func (c *Clients) Update(ctx context.Context, row store.ClientRow) (updated bool, err error) {
	if err := checkClient("Clients.Update", row); err != nil {
		return false, err
	}
	limited, cancel := c.d.limited(ctx)
	defer cancel()
	n, err := c.d.exec(limited, c.d.portable(clientsUpdate), row.Name, row.Owner, row.Version, string(row.Data), row.ID, row.Version-1)
	return n > 0, c.d.failed(ctx, "Clients.Update", err)
}

// Delete implements registry.Store. In the same transaction, it deletes the authorizations of the client, so that a client that
// is later registered under the same id does not inherit them.
func (c *Clients) Delete(ctx context.Context, id string) (deleted bool, err error) {
	if !canExist(id) {
		return false, nil
	}
	limited, cancel := c.d.limited(ctx)
	defer cancel()
	err = c.d.write(limited, func(t transaction) error {
		n, err := t.exec(limited, c.d.portable(clientsDelete), id)
		if deleted = n > 0; err != nil {
			return err
		}
		_, err = t.exec(limited, c.d.portable(authorizationsOfClient), id)
		return err
	})
	return deleted && err == nil, c.d.failed(ctx, "Clients.Delete", err)
}

// named is a value with the name of its parameter or field.
type named struct{ field, value string }

// checkTexts returns a *ValueError if a text is too long for its column, or is not UTF-8 without NUL. PostgreSQL cannot store other
// texts, and the other databases would store them.
func checkTexts(operation string, texts ...named) error {
	for _, text := range texts {
		if problem := textProblem(text.value, maxText); problem != "" {
			return &ValueError{operation, text.field, problem}
		}
	}
	return nil
}

// textProblem says why a text cannot be stored, or returns "".
func textProblem(text string, most int) string {
	switch {
	case len(text) > most:
		return tooLong(len(text), most)
	case !utf8.ValidString(text) || strings.Contains(text, "\x00"):
		return "has invalid UTF-8 or NUL, expected UTF-8 without NUL"
	}
	return ""
}

// tooLong says that a value has too many bytes.
func tooLong(length, most int) string {
	return fmt.Sprintf("has %d bytes, expected at most %d", length, most)
}

// checkClient returns a *ValueError if a client cannot be stored.
func checkClient(operation string, row store.ClientRow) error {
	if err := checkTexts(operation, named{"ID", row.ID}, named{"Name", row.Name}, named{"Owner", row.Owner}); err != nil {
		return err
	}
	if problem := textProblem(string(row.Data), maxData); problem != "" {
		return &ValueError{operation, "Data", problem}
	}
	return nil
}

// canExist reports whether a row with these texts can exist. A client id or an owner may come from a request, so a text that
// checkTexts rejects must not cause an error of the database.
func canExist(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return textProblem(text, maxText) != "" })
}
