//! Calls as events of the crate `tracing`.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use raptors::{Matrix, ops, telemetry};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Keeps the fields of what it is told.
#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all");
    }
}

impl Subscriber for Keep {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.target(), *metadata.level()) == ("raptors::call", Level::TRACE)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().expect("nobody panics").push(fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_call_that_is_counted_is_an_event() {
    let kept = Keep::default();
    let x = Matrix::from_fn(3, 5, |_, _| 1.0_f32).expect("memory");
    tracing::subscriber::with_default(kept.clone(), || {
        ops::scale(&x, 2.0).expect("right");
        telemetry::set(true);
        ops::scale(&x, 2.0).expect("right");
        ops::var(&x, 0.0).expect("right");
        telemetry::set(false);
        ops::scale(&x, 2.0).expect("right");
    });
    let kept = kept.0.lock().expect("nobody panics");
    assert_eq!(kept.len(), 2, "{kept:?}");
    let isa = telemetry::snapshot().rows[0].kind.isa.name();
    let begin = format!(
        "op=\"scale\" dtype=\"f32\" size=\"l1\" isa={isa:?} parallel=false rows=3 columns=5 bytes=120 start="
    );
    assert!(kept[0].starts_with(&begin) && kept[0].contains(" time="), "{kept:?}");
    assert!(kept[1].starts_with("op=\"var\""), "{kept:?}");
}
