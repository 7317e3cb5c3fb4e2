//! `rankbot table …`

use rankbot_shared::adapters::dynamodb::{Creation, Encryption, Feature, TableDescription};
use rankbot_shared::domain::tenancy::Tenancy;
use serde::Serialize;

use super::OpenTable;
use super::place::Place;
use crate::args::TableCommand;
use crate::failure::Failure;
use crate::output::{Format, pairs};

/// Carries out the command.
pub(crate) async fn run(table: &OpenTable, command: &TableCommand, format: Format) -> Result<(), Failure> {
    match command {
        TableCommand::Create { tenancy } => create(table, *tenancy, format).await,
        TableCommand::Show => show(table, format).await,
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationView<'a> {
    table_name: &'a str,
    created: bool,
}

async fn create(table: &OpenTable, tenancy: Option<Tenancy>, format: Format) -> Result<(), Failure> {
    let place = table.place;
    let creation = table.table.create_for(tenancy.or(place.tenancy_of_new_table()), place.safety_of_tables()).await?;
    let created = creation == Creation::Created;
    if !created {
        ensure_it_is(table, tenancy).await?;
    }
    let view = CreationView { table_name: &table.name, created };
    Ok(format.print(&view, || sentence(view.table_name, &creation))?)
}

fn sentence(name: &str, creation: &Creation) -> String {
    match creation {
        Creation::Created => format!("Table {name} is made."),
        Creation::AlreadyThere(added) if added.is_empty() => format!("Table {name} was there already."),
        Creation::AlreadyThere(added) => {
            let added = added.iter().map(|feature| Feature::name(*feature)).collect::<Vec<_>>().join(", ");
            format!("Table {name} was there already. Switched on, since it was off: {added}.")
        }
    }
}

/// A table that was there keeps its tag: whoever asked for another tenancy must know.
async fn ensure_it_is(table: &OpenTable, wanted: Option<Tenancy>) -> Result<(), Failure> {
    let Some(wanted) = wanted else { return Ok(()) };
    if table.table.labels().await?.tenancy == Some(wanted) {
        return Ok(());
    }
    let (name, tag) = (&table.name, Tenancy::TAG);
    Err(Failure::Refused(format!("table {name} was there already, and is not tagged {tag}={wanted}: tag it if it is")))
}

/// The table; `null` where it does not say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TableView<'a> {
    table_name: &'a str,
    status: &'a str,
    tenancy: Option<Tenancy>,
    tenant: Option<&'a str>,
    /// Counted by DynamoDB every six hours or so.
    items: u64,
    deletion_protection: bool,
    time_to_live: bool,
    customer_managed_key: bool,
    #[serde(skip)]
    place: Place,
}

async fn show(table: &OpenTable, format: Format) -> Result<(), Failure> {
    let description = table.table.describe().await?;
    let view = TableView::new(table, &description);
    Ok(format.print(&view, || view.details())?)
}

impl<'a> TableView<'a> {
    fn new(table: &'a OpenTable, description: &'a TableDescription) -> Self {
        Self {
            table_name: &table.name,
            status: &description.status,
            tenancy: description.labels.tenancy,
            tenant: description.labels.tenant.as_deref(),
            items: description.items,
            deletion_protection: description.deletion_protection,
            time_to_live: description.expires_items,
            customer_managed_key: description.encryption == Encryption::AccountKey,
            place: table.place,
        }
    }

    fn details(&self) -> String {
        let tenancy = match (self.tenancy, self.place) {
            (Some(Tenancy::Dedicated), _) => "dedicated: one customer's, any plan",
            (Some(Tenancy::Shared), _) => "shared: plans starter and pro",
            (None, Place::Loopback) => "not said: a store on this machine takes any plan",
            (None, Place::Aws | Place::Elsewhere) => "not said: taken for shared, plans starter and pro",
        };
        let on = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
        let mut rows = vec![
            ("Table", self.table_name.to_owned()),
            ("Status", self.status.to_lowercase()),
            ("Tenancy", tenancy.to_owned()),
        ];
        rows.extend(self.tenant.map(|tenant| ("Tenant", tenant.to_owned())));
        rows.extend([
            ("Items", format!("about {}", self.items)),
            ("Deletion protection", on(self.deletion_protection)),
            ("Time to live", on(self.time_to_live)),
            ("Encryption", if self.customer_managed_key { "a KMS key" } else { "the store's own" }.to_owned()),
        ]);
        pairs(&rows)
    }
}
