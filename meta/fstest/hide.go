package fstest

import (
	"juicefs/meta/engine"
)

// hidden is an engine without its fast paths.
type hidden struct{ engine.Engine }

// hide returns e without its fast paths.
func hide(e engine.Engine) engine.Engine { return hidden{e} }

// plainTx is a transaction of the contract's methods only.
type plainTx struct{ engine.Tx }

// Begin starts a transaction that has no fast paths.
func (h hidden) Begin(mode engine.Mode) engine.Tx { return plainTx{h.Engine.Begin(mode)} }

// fast reports whether an engine has fast paths, and whether that for directories with what is in them is among them.
func fast(e engine.Engine) (walks, looks bool) {
	tx := e.Begin(engine.View)
	defer tx.Discard()
	_, walks = tx.(engine.Walker)
	_, lists := tx.(engine.Lister)
	_, looks = tx.(engine.Looker)
	return walks || lists, looks
}
