package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/store"
)

// breaks are the promises of a store, each broken by itself, under the test that must notice it.
var breaks = []struct {
	test, promise string
	breaks        func(m *mutant, good ClientStore)
}{
	{"Get returns what Create stored", "the owner is kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) { row.Owner = ""; return good.Create(ctx, row) }
	}},
	{"Get returns what Create stored", "the name is kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Name = row.ID
			return good.Create(ctx, row)
		}
	}},
	{"Get returns what Create stored", "the version is kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) { row.Version = 0; return good.Create(ctx, row) }
	}},
	{"Get returns what Create stored", "texts in the document are kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Data = bytes.ReplaceAll(row.Data, []byte("🔑"), []byte("?"))
			return good.Create(ctx, row)
		}
	}},
	{"Get returns what Create stored", "null in the document is kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Data = bytes.ReplaceAll(row.Data, []byte(`"z":null,`), nil)
			return good.Create(ctx, row)
		}
	}},
	{"Get returns what Create stored", "numbers in the document are kept", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Data = bytes.ReplaceAll(row.Data, []byte("9007199254740991"), []byte("9007199254740990"))
			return good.Create(ctx, row)
		}
	}},
	{"a second Create changes nothing", "a second create does not overwrite", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			existed, err := good.Delete(ctx, row.ID)
			_, err2 := good.Create(ctx, row)
			return !existed, errors.Join(err, err2)
		}
	}},
	{"a second Create changes nothing", "a second create is reported", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			_, err := good.Create(ctx, row)
			return true, err
		}
	}},
	{"a second Create changes nothing", "a second create is not an error", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			return orFault(good.Create(ctx, row))
		}
	}},
	{"missing rows", "a missing row is not an error", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			row, found, err := good.Get(ctx, id)
			if !found {
				err = errFault
			}
			return row, found, err
		}
	}},
	{"missing rows", "a missing row is reported", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			row, _, err := good.Get(ctx, id)
			return row, true, err
		}
	}},
	{"missing rows", "no rows are not an error in ByName", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return someOrFault(good.ByName(ctx, name, owner, skip, take))
		}
	}},
	{"missing rows", "no rows are not an error in List", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return someOrFault(good.List(ctx, owner, skip, take))
		}
	}},
	{"missing rows", "an update creates nothing", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			if _, found, _ := good.Get(ctx, row.ID); !found {
				return good.Create(ctx, row)
			}
			return good.Update(ctx, row)
		}
	}},
	{"missing rows", "an update of nothing is not an error", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) { return orFault(good.Update(ctx, row)) }
	}},
	{"missing rows", "a delete of nothing is reported", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			_, err := good.Delete(ctx, id)
			return true, err
		}
	}},
	{"missing rows", "a delete of nothing is not an error", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) { return orFault(good.Delete(ctx, id)) }
	}},
	{"Update replaces the whole row", "an update is stored", func(m *mutant, _ ClientStore) {
		m.update = func(context.Context, ClientRow) (bool, error) { return true, nil }
	}},
	{"Update replaces the whole row", "an update is reported", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			_, err := good.Update(ctx, row)
			return false, err
		}
	}},
	{"Update replaces the whole row", "an owner can be cleared", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			if old, _, _ := good.Get(ctx, row.ID); row.Owner == "" {
				row.Owner = old.Owner
			}
			return good.Update(ctx, row)
		}
	}},
	{"Update replaces the whole row", "the name is replaced", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			old, _, _ := good.Get(ctx, row.ID)
			row.Name = old.Name
			return good.Update(ctx, row)
		}
	}},
	{"Update replaces the whole row", "the document is replaced and not merged", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			old, _, _ := good.Get(ctx, row.ID)
			row.Data = merge(old.Data, row.Data)
			return good.Update(ctx, row)
		}
	}},
	{"Update replaces the whole row", "other rows stay", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			all, _ := good.List(ctx, nil, 0, 10)
			for _, other := range all {
				other.Name, other.Version = row.Name, other.Version+1
				if other.ID != row.ID {
					_, _ = good.Update(ctx, other)
				}
			}
			return good.Update(ctx, row)
		}
	}},
	{"Update from another version", "an update from an older version is rejected", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) { return anyVersion(ctx, good, row, -100, 1) }
	}},
	{"Update from another version", "an update from a newer version is rejected", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) { return anyVersion(ctx, good, row, 1, 100) }
	}},
	{"Update from another version", "an update to the same version is rejected", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) { return anyVersion(ctx, good, row, 0, 1) }
	}},
	{"Update from another version", "a rejected update changes nothing", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			done, err := good.Update(ctx, row)
			if !done && err == nil {
				_, err = anyVersion(ctx, good, row, -100, 100)
			}
			return done, err
		}
	}},
	{"large versions", "a version has more than 32 bits", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Version &= 1<<32 - 1
			return good.Create(ctx, row)
		}
	}},
	{"large versions", "versions are compared with all their bits", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			if old, _, _ := good.Get(ctx, row.ID); float32(row.Version-1) == float32(old.Version) {
				return anyVersion(ctx, good, row, -100, 100)
			}
			return false, nil
		}
	}},
	{"Update of a deleted row", "a deleted row is gone for updates", func(m *mutant, good ClientStore) {
		var gone sync.Map
		m.remove = func(ctx context.Context, id string) (bool, error) { gone.Store(id, true); return good.Delete(ctx, id) }
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			if _, was := gone.Load(row.ID); was {
				return good.Create(ctx, row)
			}
			return good.Update(ctx, row)
		}
	}},
	{"Delete", "a delete deletes", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			_, found, err := good.Get(ctx, id)
			return found, err
		}
	}},
	{"Delete", "a delete is reported", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			_, err := good.Delete(ctx, id)
			return false, err
		}
	}},
	{"Delete", "a delete deletes one row", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			row, _, _ := good.Get(ctx, id)
			named, _ := good.ByName(ctx, row.Name, nil, 0, 10)
			for _, other := range named {
				_, _ = good.Delete(ctx, other.ID)
			}
			return len(named) > 0, nil
		}
	}},
	{"Delete", "a deleted id can be created again", func(m *mutant, good ClientStore) {
		var gone sync.Map
		m.remove = func(ctx context.Context, id string) (bool, error) { gone.Store(id, true); return good.Delete(ctx, id) }
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			if _, was := gone.Load(row.ID); was {
				return false, nil
			}
			return good.Create(ctx, row)
		}
	}},
	{"rows are copies", "what is created is copied", keepsGiven(func(m *mutant, keep func(ClientRow)) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			keep(row)
			return m.ClientStore.Create(ctx, row)
		}
	})},
	{"rows are copies", "what is updated is copied", keepsGiven(func(m *mutant, keep func(ClientRow)) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			keep(row)
			return m.ClientStore.Update(ctx, row)
		}
	})},
	{"rows are copies", "Get returns copies", func(m *mutant, good ClientStore) {
		live := liveRow{good: good}
		m.get = func(ctx context.Context, _ string) (ClientRow, bool, error) { return *live.read(ctx), true, nil }
		m.update = live.update
	}},
	{"rows are copies", "ByName returns copies", func(m *mutant, good ClientStore) {
		live := liveRow{good: good}
		m.get = live.copy
		m.byName = func(ctx context.Context, _ string, _ *string, _, _ int) ([]ClientRow, error) {
			return []ClientRow{*live.read(ctx)}, nil
		}
		m.update = live.update
	}},
	{"rows are copies", "List returns copies", func(m *mutant, good ClientStore) {
		live := liveRow{good: good}
		m.get = live.copy
		m.list = func(ctx context.Context, _ *string, _, _ int) ([]ClientRow, error) {
			return []ClientRow{*live.read(ctx)}, nil
		}
		m.update = live.update
	}},
	{"ByName selects name and owner", "ByName checks the owner", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, _ *string, skip, take int) ([]ClientRow, error) {
			return good.ByName(ctx, name, nil, skip, take)
		}
	}},
	{"ByName selects name and owner", "an empty owner in ByName does not mean every owner", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return good.ByName(ctx, name, notEmpty(owner), skip, take)
		}
	}},
	{"ByName selects name and owner", "a nil owner in ByName does not mean no owner", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return good.ByName(ctx, name, notNil(owner), skip, take)
		}
	}},
	{"ByName selects name and owner", "ByName sorts", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return reversed(good.ByName(ctx, name, owner, skip, take))
		}
	}},
	{"ByName selects name and owner", "ByName checks the name", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, _ string, owner *string, skip, take int) ([]ClientRow, error) {
			return good.List(ctx, owner, skip, take)
		}
	}},
	{"ByName selects name and owner", "an empty name is not every name", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			if name == "" {
				return good.List(ctx, owner, skip, take)
			}
			return good.ByName(ctx, name, owner, skip, take)
		}
	}},
	{"ByName selects name and owner", "ByName returns whole rows", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return withoutData(good.ByName(ctx, name, owner, skip, take))
		}
	}},
	{"ByName after an update", "a change of the name is found", func(m *mutant, good ClientStore) {
		first := new(store.Clients)
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			_, _ = first.Create(ctx, row)
			return good.Create(ctx, row)
		}
		m.byName = first.ByName
	}},
	{"ByName after an update", "a change of the owner is listed", func(m *mutant, good ClientStore) {
		first := new(store.Clients)
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			_, _ = first.Create(ctx, row)
			return good.Create(ctx, row)
		}
		m.list = first.List
	}},
	{"List selects the owner", "List checks the owner", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, _ *string, skip, take int) ([]ClientRow, error) {
			return good.List(ctx, nil, skip, take)
		}
	}},
	{"List selects the owner", "an empty owner in List does not mean every owner", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return good.List(ctx, notEmpty(owner), skip, take)
		}
	}},
	{"List selects the owner", "a nil owner in List does not mean no owner", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return good.List(ctx, notNil(owner), skip, take)
		}
	}},
	{"List selects the owner", "List sorts", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return reversed(good.List(ctx, owner, skip, take))
		}
	}},
	{"List selects the owner", "List returns whole rows", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return withoutData(good.List(ctx, owner, skip, take))
		}
	}},
	{"List returns pages", "List skips", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, _, take int) ([]ClientRow, error) {
			return good.List(ctx, owner, 0, take)
		}
	}},
	{"List returns pages", "List returns at most take rows", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, _ int) ([]ClientRow, error) {
			return good.List(ctx, owner, skip, 100)
		}
	}},
	{"List returns pages", "List returns no rows if take is 0", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			return good.List(ctx, owner, skip, orAll(take))
		}
	}},
	{"List returns pages", "a page past the end is not an error in List", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			rows, err := good.List(ctx, owner, skip, take)
			if skip > 50 {
				err = errFault
			}
			return rows, err
		}
	}},
	{"List returns pages", "List skips only rows of the owner", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			all, err := good.List(ctx, nil, skip, take)
			return slices.DeleteFunc(all, func(row ClientRow) bool { return owner != nil && row.Owner != *owner }), err
		}
	}},
	{"ByName returns pages", "ByName skips", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, _, take int) ([]ClientRow, error) {
			return good.ByName(ctx, name, owner, 0, take)
		}
	}},
	{"ByName returns pages", "ByName returns at most take rows", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, _ int) ([]ClientRow, error) {
			return good.ByName(ctx, name, owner, skip, 100)
		}
	}},
	{"ByName returns pages", "ByName returns no rows if take is 0", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			return good.ByName(ctx, name, owner, skip, orAll(take))
		}
	}},
	{"texts are compared byte by byte", "ids have a case", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			return first(ctx, good, func(row ClientRow) bool { return strings.EqualFold(row.ID, id) })
		}
	}},
	{"texts are compared byte by byte", "ids may end in a space", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			return first(ctx, good, func(row ClientRow) bool { return row.ID == strings.TrimRight(id, " ") })
		}
	}},
	{"texts are compared byte by byte", "names have a case", byNameWhere(strings.EqualFold)},
	{"texts are compared byte by byte", "names may end in a space", byNameWhere(func(a, b string) bool {
		return strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
	})},
	{"texts are compared byte by byte", "names have accents", byNameWhere(func(a, b string) bool {
		return strings.ReplaceAll(a, "í", "i") == strings.ReplaceAll(b, "í", "i")
	})},
	{"texts are compared byte by byte", "names have no normal form", byNameWhere(func(a, b string) bool {
		return strings.ReplaceAll(a, "e\u0301", "\u00e9") == strings.ReplaceAll(b, "e\u0301", "\u00e9")
	})},
	{"texts are compared byte by byte", "owners have a case", listWhere(strings.EqualFold)},
	{"texts are compared byte by byte", "owners may end in a space", listWhere(func(a, b string) bool {
		return strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
	})},
	{"texts are compared byte by byte", "the order is that of bytes", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			rows, err := good.List(ctx, owner, skip, take)
			slices.SortStableFunc(rows, func(a, b ClientRow) int { return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)) })
			return rows, err
		}
	}},
	{"texts are compared byte by byte", "deleted ids have a case", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			row, _, _ := first(ctx, good, func(row ClientRow) bool { return strings.EqualFold(row.ID, id) })
			return good.Delete(ctx, row.ID)
		}
	}},
	{"texts are compared byte by byte", "updated ids have a case", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			old, _, _ := first(ctx, good, func(other ClientRow) bool { return strings.EqualFold(row.ID, other.ID) })
			row.ID = old.ID
			return good.Update(ctx, row)
		}
	}},
	{"odd texts", "names are not patterns", byNameWhere(func(stored, asked string) bool { return stored == asked || asked == "%" })},
	{"odd texts", "owners are not patterns", listWhere(func(stored, asked string) bool { return stored == asked || asked == "_" })},
	{"odd texts", "ids are not patterns", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			return first(ctx, good, func(row ClientRow) bool { return row.ID == id || id == "%" })
		}
	}},
	{"odd texts", "quotes are text", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			if strings.Contains(name, "'") {
				return nil, errFault
			}
			return good.ByName(ctx, name, owner, skip, take)
		}
	}},
	{"odd texts", "names may be 255 bytes long", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Name = row.Name[:min(len(row.Name), 191)]
			return good.Create(ctx, row)
		}
	}},
	{"long ids and documents", "documents may be 64 KiB long", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.Data = row.Data[:min(len(row.Data), 1<<16-1)]
			return good.Create(ctx, row)
		}
	}},
	{"long ids and documents", "ids may be 255 bytes long", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			row.ID = row.ID[:min(len(row.ID), 191)]
			return good.Create(ctx, row)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not a missing row", func(m *mutant, good ClientStore) {
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			if ctx.Err() != nil {
				return ClientRow{}, false, nil
			}
			return good.Get(ctx, id)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not an empty ByName", func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
			if ctx.Err() != nil {
				return nil, nil
			}
			return good.ByName(ctx, name, owner, skip, take)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not an empty List", func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
			if ctx.Err() != nil {
				return nil, nil
			}
			return good.List(ctx, owner, skip, take)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not a conflict", func(m *mutant, good ClientStore) {
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			if ctx.Err() != nil {
				return false, nil
			}
			return good.Update(ctx, row)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not a used id", func(m *mutant, good ClientStore) {
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			if ctx.Err() != nil {
				return false, nil
			}
			return good.Create(ctx, row)
		}
	}},
	{"an ended context is not a missing row", "an ended context is not a missing row for Delete", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			if ctx.Err() != nil {
				return false, nil
			}
			return good.Delete(ctx, id)
		}
	}},
	{"an ended context is not a missing row", "a reported delete is done", func(m *mutant, good ClientStore) {
		m.remove = func(ctx context.Context, id string) (bool, error) {
			if ctx.Err() != nil {
				return true, nil
			}
			return good.Delete(ctx, id)
		}
	}},
	{"one of concurrent Creates succeeds", "exactly one create succeeds", func(m *mutant, good ClientStore) {
		both := gap()
		m.create = func(ctx context.Context, row ClientRow) (bool, error) {
			_, exists, _ := good.Get(ctx, row.ID)
			both()
			_, err := good.Create(ctx, row)
			return !exists, err
		}
	}},
	{"one of concurrent Deletes succeeds", "exactly one delete succeeds", func(m *mutant, good ClientStore) {
		both := gap()
		m.remove = func(ctx context.Context, id string) (bool, error) {
			_, exists, _ := good.Get(ctx, id)
			both()
			_, err := good.Delete(ctx, id)
			return exists, err
		}
	}},
	{"concurrent Updates lose nothing", "exactly one update of a version succeeds", func(m *mutant, good ClientStore) {
		both := gap()
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			old, _, _ := good.Get(ctx, row.ID)
			if old.Version != row.Version-1 {
				return false, nil
			}
			both()
			return anyVersion(ctx, good, row, -100, 100)
		}
	}},
	{"a concurrent Update does not restore a deleted row", "an update does not restore a deleted row", func(m *mutant, good ClientStore) {
		both := make(meeting)
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			_, found, _ := good.Get(ctx, row.ID)
			both.meet() // and then, after the delete
			both.meet()
			if !found {
				return false, nil
			}
			_, _ = good.Delete(ctx, row.ID)
			return good.Create(ctx, row)
		}
		m.remove = func(ctx context.Context, id string) (bool, error) {
			both.meet()
			defer both.meet()
			return good.Delete(ctx, id)
		}
	}},
	{"Get returns whole rows during updates", "no row is read half written", func(m *mutant, good ClientStore) {
		writing, read := make(chan struct{}), make(chan struct{})
		var write, reading sync.Once
		var torn atomic.Pointer[string]
		m.update = func(ctx context.Context, row ClientRow) (bool, error) {
			write.Do(func() { torn.Store(&row.Name); close(writing); <-read; torn.Store(nil) })
			return good.Update(ctx, row)
		}
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			<-writing
			row, found, err := good.Get(ctx, id)
			if name := torn.Load(); name != nil {
				row.Name = *name
			}
			reading.Do(func() { close(read) })
			return row, found, err
		}
	}},
}
