//! What the sample knows of each country: names, streets, cities, and enough of the numbering plan that
//! every number made from it is valid.
//!
//! Area codes are those of the cities, mobile prefixes those of real networks, lengths those of the plan.
//! Area codes, subscriber numbers and postcodes are templates: `#` stands for a digit, `%` for 2 to 9,
//! `@` for a capital letter, everything else for itself. A space in a subscriber number is where the
//! country writes one. A test asks the library whether what comes out is valid.

use super::draw::Draw;

/// A country as the sample needs it.
#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(super) iso: &'static str,
    /// Country calling code (ITU-T E.164).
    pub(super) calling_code: &'static str,
    /// Whether a 0 is dialled before the area code at home, so that people write `+44 (0)20`. In Italy the
    /// 0 belongs to the number itself.
    pub(super) trunk_zero: bool,
    /// How many of a thousand companies are here.
    pub(super) per_mille: u64,
    pub(super) cities: &'static [City],
    pub(super) mobile: &'static [(&'static str, &'static str)],
    pub(super) first_names: &'static [&'static str],
    pub(super) last_names: &'static [&'static str],
    pub(super) trades: &'static [&'static str],
    pub(super) legal_forms: &'static [&'static str],
    /// How a company's name is put together, from `{name}`, `{trade}` and `{form}`.
    pub(super) company: &'static str,
    pub(super) streets: &'static [&'static str],
    /// How an address is put together, from `{street}` and `{number}`.
    pub(super) address: &'static str,
}

/// City, state, postcode, area code, subscriber number.
#[derive(Debug, Clone, Copy)]
pub(super) struct City(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

impl Country {
    /// A country, as often as its weight says.
    pub(super) fn draw(draw: &mut Draw) -> &'static Country {
        let mut ticket = draw.below(1000);
        for country in &COUNTRIES {
            match ticket.checked_sub(country.per_mille) {
                Some(rest) => ticket = rest,
                None => return country,
            }
        }
        &COUNTRIES[0] // not reached while the weights add up to 1000, as a test holds
    }
}

/// Every country of the sample.
#[rustfmt::skip] // tables are read as tables
pub(super) static COUNTRIES: [Country; 14] = [
    Country {
        iso: "DE", calling_code: "49", trunk_zero: true, per_mille: 550,
        cities: &[
            City("Berlin", "Berlin", "10###", "30", "%## ## ##"), City("Berlin", "Berlin", "13###", "30", "%### ## ##"),
            City("Hamburg", "Hamburg", "20###", "40", "%## ## ##"), City("Hamburg", "Hamburg", "22###", "40", "%### ## ##"),
            City("München", "Bayern", "80###", "89", "%## ## ##"), City("München", "Bayern", "81###", "89", "%### ## ##"),
            City("Köln", "Nordrhein-Westfalen", "50###", "221", "%## ## ##"),
            City("Frankfurt am Main", "Hessen", "60###", "69", "%### ## ##"),
            City("Stuttgart", "Baden-Württemberg", "70###", "711", "%## ## ##"),
            City("Düsseldorf", "Nordrhein-Westfalen", "40###", "211", "%## ## ##"),
            City("Leipzig", "Sachsen", "04###", "341", "%## ## ##"), City("Dresden", "Sachsen", "01###", "351", "%## ## ##"),
            City("Dortmund", "Nordrhein-Westfalen", "44###", "231", "%## ## ##"),
            City("Essen", "Nordrhein-Westfalen", "45###", "201", "%## ## ##"),
            City("Bremen", "Bremen", "28###", "421", "%## ## ##"), City("Hannover", "Niedersachsen", "30###", "511", "%## ## ##"),
            City("Nürnberg", "Bayern", "90###", "911", "%## ## ##"), City("Augsburg", "Bayern", "86###", "821", "%## ## ##"),
            City("Münster", "Nordrhein-Westfalen", "48###", "251", "%## ## ##"),
            City("Karlsruhe", "Baden-Württemberg", "76###", "721", "%## ## ##"),
            City("Mannheim", "Baden-Württemberg", "68###", "621", "%## ## ##"),
            City("Kiel", "Schleswig-Holstein", "24###", "431", "%## ## ##"),
            City("Lübeck", "Schleswig-Holstein", "23###", "451", "%## ## ##"),
            City("Erfurt", "Thüringen", "99###", "361", "%## ## ##"), City("Rostock", "Mecklenburg-Vorpommern", "18###", "381", "%## ## ##"),
            City("Würzburg", "Bayern", "97###", "931", "%## ## ##"), City("Göttingen", "Niedersachsen", "37###", "551", "%## ## ##"),
            City("Mainz", "Rheinland-Pfalz", "55###", "6131", "%## ## ##"), City("Tübingen", "Baden-Württemberg", "72###", "7071", "%## ## ##"),
            City("Görlitz", "Sachsen", "02###", "3581", "%# ## ##"), City("Saarbrücken", "Saarland", "66###", "681", "%## ## ##"),
        ],
        mobile: &[
            ("151", "%# ## ## ##"), ("152", "%# ## ## ##"), ("157", "%# ## ## ##"), ("160", "%## ## ##"), ("170", "%## ## ##"),
            ("171", "%## ## ##"), ("172", "%## ## ##"), ("173", "%## ## ##"), ("175", "%## ## ##"), ("176", "%# ## ## ##"),
        ],
        first_names: &[
            "Anna", "Jörg", "Sabine", "Jürgen", "Käthe", "Lukas", "Marie", "Björn", "Ayşe", "Thomas", "Claudia", "Götz", "Sören",
            "Heike", "Stefan", "Monika", "Felix", "Karin", "Uwe", "Birgit", "Mehmet", "Lena", "Paul", "Frauke", "René", "Zoë",
            "Wolfgang", "Petra", "Jan-Niklas", "Ute", "Matthias", "Ines", "Günther", "Nadine", "Kai", "Dörte", "Emil", "Sofia",
        ],
        last_names: &[
            "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Schäfer",
            "Koch", "Bauer", "Richter", "Klein", "Wolf", "Schröder", "Neumann", "Schwarz", "Zimmermann", "Braun", "Krüger",
            "Hofmann", "Hartmann", "Lange", "Schmitt", "Werner", "Krause", "Meier", "Lehmann", "Köhler", "Maier", "König",
            "Jäger", "Groß", "Weiß", "Yılmaz", "Kühn", "von der Heide", "Nowak", "Böhm", "Strauß", "Öztürk", "Müller-Lüdenscheidt",
        ],
        trades: &["Maschinenbau", "Gebäudetechnik", "Bäckerei", "Logistik", "Werkzeuge", "Möbel", "Software", "Elektro", "Dächer", "Ωmega-Systeme"],
        legal_forms: &["GmbH", "AG", "GmbH & Co. KG", "e. K.", "KG", "OHG"],
        company: "{name} {trade} {form}",
        streets: &["Hauptstraße", "Bahnhofstraße", "Gartenweg", "Schloßallee", "Am Mühlenbach", "Lindenstraße", "Goethestraße", "Kölner Ring"],
        address: "{street} {number}",
    },
    Country {
        iso: "AT", calling_code: "43", trunk_zero: true, per_mille: 80,
        cities: &[
            City("Wien", "Wien", "1##0", "1", "%## ## ##"), City("Graz", "Steiermark", "80##", "316", "%## ## ##"),
            City("Linz", "Oberösterreich", "40##", "732", "%## ## ##"), City("Salzburg", "Salzburg", "50##", "662", "%## ## ##"),
            City("Innsbruck", "Tirol", "60##", "512", "%## ## ##"), City("Klagenfurt am Wörthersee", "Kärnten", "90##", "463", "%## ## ##"),
        ],
        mobile: &[("664", "%## ## ##"), ("676", "%## ## ##"), ("650", "%## ## ##"), ("660", "%## ## ##")],
        first_names: &["Franz", "Elfriede", "Lukas", "Magdalena", "Jürgen", "Veronika", "Florian", "Käthe", "Andreas", "Ulrike", "Gernot", "Zoë"],
        last_names: &["Gruber", "Huber", "Bauer", "Wagner", "Müller", "Pichler", "Steiner", "Moser", "Höller", "Leitner", "Großschädl", "Brückl"],
        trades: &["Holzbau", "Seilbahnen", "Bäckerei", "Weinhandel", "Gebäudetechnik", "Druckerei"],
        legal_forms: &["GmbH", "AG", "KG", "e.U."],
        company: "{name} {trade} {form}",
        streets: &["Ringstraße", "Mariahilfer Straße", "Kirchengasse", "Am Graben", "Brückengasse"],
        address: "{street} {number}",
    },
    Country {
        iso: "CH", calling_code: "41", trunk_zero: true, per_mille: 70,
        cities: &[
            City("Zürich", "ZH", "80##", "44", "%## ## ##"), City("Genève", "GE", "12##", "22", "%## ## ##"),
            City("Basel", "BS", "40##", "61", "%## ## ##"), City("Bern", "BE", "30##", "31", "%## ## ##"),
            City("Lausanne", "VD", "10##", "21", "%## ## ##"), City("Luzern", "LU", "60##", "41", "%## ## ##"),
            City("Lugano", "TI", "69##", "91", "%## ## ##"), City("St. Gallen", "SG", "90##", "71", "%## ## ##"),
        ],
        mobile: &[("76", "%## ## ##"), ("78", "%## ## ##"), ("79", "%## ## ##")],
        first_names: &["Urs", "Reto", "Régula", "Beat", "Chantal", "Luca", "Désirée", "Hansjörg", "Noëlle", "Sandro", "Vreni", "Jérôme"],
        last_names: &["Müller", "Meier", "Zürcher", "Brunner", "Favre", "Rochat", "Bernasconi", "Kälin", "Ammann", "Gfeller", "Rüegg", "Besançon"],
        trades: &["Präzision", "Uhren", "Treuhand", "Käserei", "Pharma", "Electronique"],
        legal_forms: &["AG", "GmbH", "SA", "Sàrl"],
        company: "{name} {trade} {form}",
        streets: &["Bahnhofstrasse", "Rue du Rhône", "Seestrasse", "Via Nassa", "Marktgasse"],
        address: "{street} {number}",
    },
    Country {
        iso: "GB", calling_code: "44", trunk_zero: true, per_mille: 60,
        cities: &[
            City("London", "Greater London", "EC%@ #@@", "20", "7### ####"), City("London", "Greater London", "N% #@@", "20", "8### ####"),
            City("Manchester", "Greater Manchester", "M% #@@", "161", "4## ####"), City("Birmingham", "West Midlands", "B% #@@", "121", "4## ####"),
            City("Leeds", "West Yorkshire", "LS% #@@", "113", "2## ####"), City("Glasgow", "Scotland", "G% #@@", "141", "5## ####"),
            City("Edinburgh", "Scotland", "EH% #@@", "131", "5## ####"), City("Cardiff", "Wales", "CF% #@@", "29", "20## ####"),
        ],
        mobile: &[("771#", "######"), ("773#", "######"), ("796#", "######")],
        first_names: &["Oliver", "Amelia", "Harry", "Siân", "George", "Zoë", "Priya", "Callum", "Niamh", "Alfie", "Chloë", "Mohammed"],
        last_names: &["Smith", "Jones", "Taylor", "O'Brien", "Williams", "Patel", "Fairweather", "MacLeod", "Brontë-Hall", "Khan", "Ashworth", "Lloyd"],
        trades: &["Engineering", "Brewing", "Insurance", "Tea", "Shipping", "Publishing"],
        legal_forms: &["Ltd", "plc", "& Sons", "LLP"],
        company: "{name} {trade} {form}",
        streets: &["High Street", "Station Road", "King's Lane", "Church Row", "Victoria Road"],
        address: "{number} {street}",
    },
    Country {
        iso: "FR", calling_code: "33", trunk_zero: true, per_mille: 50,
        cities: &[
            City("Paris", "Île-de-France", "750##", "1", "4# ## ## ##"), City("Lyon", "Auvergne-Rhône-Alpes", "6900#", "4", "7# ## ## ##"),
            City("Marseille", "Provence-Alpes-Côte d'Azur", "1300#", "4", "91 ## ## ##"), City("Lille", "Hauts-de-France", "59###", "3", "20 ## ## ##"),
            City("Bordeaux", "Nouvelle-Aquitaine", "33###", "5", "56 ## ## ##"), City("Nantes", "Pays de la Loire", "44###", "2", "40 ## ## ##"),
            City("Besançon", "Bourgogne-Franche-Comté", "25###", "3", "81 ## ## ##"),
        ],
        mobile: &[("6", "1# ## ## ##"), ("6", "7# ## ## ##"), ("7", "8# ## ## ##")],
        first_names: &["Camille", "Hélène", "François", "Zoé", "Jérôme", "Anaïs", "Léa", "Loïc", "Benoît", "Chloé", "Noël", "Inès"],
        last_names: &["Lefèvre", "Dupont", "Garçon", "Bérubé", "Moreau", "Çelik", "L'Hôpital", "Gauthier", "Desœuvres", "Roux", "Fontaine", "Prévost"],
        trades: &["Boulangerie", "Électronique", "Transports", "Menuiserie", "Conseil", "Pâtisserie"],
        legal_forms: &["SARL", "SA", "SAS", "et Fils"],
        company: "{trade} {name} {form}",
        streets: &["rue de la Paix", "avenue des Châtaigniers", "boulevard Saint-Michel", "place de l'Église", "quai des Brumes"],
        address: "{number} {street}",
    },
    Country {
        iso: "IT", calling_code: "39", trunk_zero: false, per_mille: 40,
        cities: &[
            City("Roma", "RM", "001##", "06", "%### ####"), City("Milano", "MI", "201##", "02", "%### ####"),
            City("Torino", "TO", "101##", "011", "%## ####"), City("Napoli", "NA", "801##", "081", "%## ####"),
            City("Bologna", "BO", "401##", "051", "%## ####"), City("Firenze", "FI", "501##", "055", "%## ####"),
            City("Forlì", "FC", "471##", "0543", "%## ####"),
        ],
        mobile: &[("32#", "%## ####"), ("33#", "%## ####"), ("34#", "%## ####"), ("38#", "%## ####")],
        first_names: &["Giulia", "Nicolò", "Francesca", "Luca", "Niccolò", "Chiara", "Matteo", "Mosè", "Elena", "Lorenzo", "Noemi", "Alessandro"],
        last_names: &["Rossi", "Ferrari", "Esposito", "D'Angelo", "Cantù", "Bianchi", "Forlì", "De Luca", "Nicolò", "Gallo", "Conti", "Mancini"],
        trades: &["Ceramiche", "Officine", "Caffè", "Tessuti", "Trasporti", "Vini"],
        legal_forms: &["S.r.l.", "S.p.A.", "S.a.s.", "& Figli"],
        company: "{trade} {name} {form}",
        streets: &["Via Roma", "Corso Garibaldi", "Piazza della Libertà", "Via dei Caffè", "Viale Europa"],
        address: "{street} {number}",
    },
    Country {
        iso: "ES", calling_code: "34", trunk_zero: false, per_mille: 25,
        cities: &[
            City("Madrid", "Madrid", "280##", "91", "%## ## ##"), City("Barcelona", "Cataluña", "080##", "93", "%## ## ##"),
            City("València", "Comunitat Valenciana", "460##", "96", "3## ## ##"), City("Málaga", "Andalucía", "290##", "95", "2## ## ##"),
            City("Bilbao", "País Vasco", "480##", "94", "4## ## ##"), City("A Coruña", "Galicia", "150##", "98", "1## ## ##"),
        ],
        mobile: &[("60#", "## ## ##"), ("61#", "## ## ##"), ("65#", "## ## ##"), ("67#", "## ## ##")],
        first_names: &["José", "María", "Íñigo", "Lucía", "Begoña", "Álvaro", "Núria", "Ramón", "Paula", "Andrés", "Itziar", "Óscar"],
        last_names: &["García", "Muñoz", "Peña", "Núñez", "Fernández", "Ibáñez", "López", "Etxebarría", "Güell", "Martín", "Domènech", "Yáñez"],
        trades: &["Construcciones", "Cerámicas", "Transportes", "Bodegas", "Diseño", "Señalización"],
        legal_forms: &["S.L.", "S.A.", "e Hijos"],
        company: "{trade} {name} {form}",
        streets: &["Calle Mayor", "Gran Vía", "Paseo de Gràcia", "Calle de la Peña", "Avenida de España"],
        address: "{street} {number}",
    },
    Country {
        iso: "PL", calling_code: "48", trunk_zero: false, per_mille: 25,
        cities: &[
            City("Warszawa", "mazowieckie", "00-###", "22", "%## ## ##"), City("Kraków", "małopolskie", "30-###", "12", "%## ## ##"),
            City("Łódź", "łódzkie", "90-###", "42", "%## ## ##"), City("Wrocław", "dolnośląskie", "50-###", "71", "%## ## ##"),
            City("Poznań", "wielkopolskie", "60-###", "61", "%## ## ##"), City("Gdańsk", "pomorskie", "80-###", "58", "%## ## ##"),
        ],
        mobile: &[("50#", "### ###"), ("60#", "### ###"), ("51#", "### ###"), ("69#", "### ###")],
        first_names: &["Łukasz", "Agnieszka", "Michał", "Małgorzata", "Paweł", "Żaneta", "Grażyna", "Stanisław", "Zofia", "Bożena", "Jędrzej", "Wojciech"],
        last_names: &["Nowak", "Wiśniewski", "Wójcik", "Kowalczyk", "Zieliński", "Dąbrowski", "Kozłowski", "Święcicki", "Łukaszewicz", "Źrebiec", "Mazur", "Gałązka"],
        trades: &["Budownictwo", "Meble", "Spedycja", "Piekarnia", "Oświetlenie", "Usługi"],
        legal_forms: &["sp. z o.o.", "S.A.", "sp. j."],
        company: "{name} {trade} {form}",
        streets: &["ul. Długa", "ul. Świętokrzyska", "al. Jerozolimskie", "ul. Źródlana", "pl. Wolności"],
        address: "{street} {number}",
    },
    Country {
        iso: "NL", calling_code: "31", trunk_zero: true, per_mille: 30,
        cities: &[
            City("Amsterdam", "Noord-Holland", "10## @@", "20", "%## ####"), City("Rotterdam", "Zuid-Holland", "30## @@", "10", "%## ####"),
            City("Den Haag", "Zuid-Holland", "25## @@", "70", "%## ####"), City("Utrecht", "Utrecht", "35## @@", "30", "%## ####"),
            City("Eindhoven", "Noord-Brabant", "56## @@", "40", "%## ####"), City("Groningen", "Groningen", "97## @@", "50", "%## ####"),
        ],
        mobile: &[("6", "1### ####"), ("6", "2### ####"), ("6", "5### ####")],
        first_names: &["Daan", "Sanne", "Jeroen", "Noë", "Maaike", "Joëlle", "Thijs", "Femke", "Chloë", "Bram", "Anouk", "Sjoerd"],
        last_names: &["de Vries", "Jansen", "van den Berg", "Bakker", "Visser", "Koën", "'t Hooft", "Mulder", "Dijkstra", "Brontë", "Reünis", "Smit"],
        trades: &["Bloemen", "Scheepvaart", "Fietsen", "Kaas", "Techniek", "Reünies"],
        legal_forms: &["B.V.", "N.V.", "V.O.F."],
        company: "{name} {trade} {form}",
        streets: &["Herengracht", "Stationsplein", "Dorpsstraat", "Zeeëndstraat", "Kerkstraat"],
        address: "{street} {number}",
    },
    Country {
        iso: "SE", calling_code: "46", trunk_zero: true, per_mille: 15,
        cities: &[
            City("Stockholm", "Stockholms län", "11# ##", "8", "%## ### ##"), City("Göteborg", "Västra Götaland", "41# ##", "31", "%## ## ##"),
            City("Malmö", "Skåne", "21# ##", "40", "%## ## ##"), City("Örebro", "Örebro län", "70# ##", "19", "%## ## ##"),
        ],
        mobile: &[("70", "%## ## ##"), ("72", "%## ## ##"), ("73", "%## ## ##"), ("76", "%## ## ##")],
        first_names: &["Åse", "Björn", "Åsa", "Göran", "Märta", "Håkan", "Linnéa", "Östen", "Elsa", "Sören", "Ingrid", "Nils"],
        last_names: &["Ångström", "Lindström", "Bergqvist", "Söderberg", "Åkesson", "Öberg", "Nilsson", "Sjögren", "Håkansson", "Löfgren", "Ek", "Järvi"],
        trades: &["Möbler", "Stål", "Rör", "Bygg", "Båtvarv", "Trä"],
        legal_forms: &["AB", "HB"],
        company: "{name} {trade} {form}",
        streets: &["Storgatan", "Kungsgatan", "Skolvägen", "Järnvägsgatan", "Ängsvägen"],
        address: "{street} {number}",
    },
    Country {
        iso: "US", calling_code: "1", trunk_zero: false, per_mille: 30,
        cities: &[
            City("New York", "NY", "100##", "212", "%## ####"), City("Washington", "DC", "200##", "202", "%## ####"),
            City("Chicago", "IL", "606##", "312", "%## ####"), City("San Francisco", "CA", "941##", "415", "%## ####"),
            City("Boston", "MA", "021##", "617", "%## ####"), City("Houston", "TX", "770##", "713", "%## ####"),
            City("Seattle", "WA", "981##", "206", "%## ####"),
        ],
        mobile: &[("646", "%## ####"), ("773", "%## ####"), ("408", "%## ####"), ("857", "%## ####")],
        first_names: &["Grace", "James", "Mary", "Renée", "José", "Linda", "Tyrone", "Beyoncé", "Ethan", "Madison", "Kwame", "Zoe"],
        last_names: &["Johnson", "Smith", "García", "Washington", "O'Neill", "Nguyen", "Kowalski", "Muñoz", "Miller", "Davis", "Whitfield", "Begay"],
        trades: &["Hardware", "Foods", "Aerospace", "Realty", "Trucking", "Robotics"],
        legal_forms: &["Inc.", "LLC", "Corp.", "& Co."],
        company: "{name} {trade} {form}",
        streets: &["Main Street", "Oak Avenue", "Broadway", "Peachtree Street NE", "Cañon Drive"],
        address: "{number} {street}",
    },
    Country {
        iso: "JP", calling_code: "81", trunk_zero: true, per_mille: 8,
        cities: &[
            City("東京", "東京都", "10#-####", "3", "3### ####"), City("東京", "東京都", "15#-####", "3", "5### ####"),
            City("大阪", "大阪府", "53#-####", "6", "6### ####"), City("名古屋", "愛知県", "45#-####", "52", "9## ####"),
            City("京都", "京都府", "60#-####", "75", "3## ####"),
        ],
        mobile: &[("90", "%### ####"), ("80", "%### ####")],
        first_names: &["太郎", "花子", "健一", "さくら", "大輔", "美咲", "翔", "陽子", "直樹", "ケン"],
        last_names: &["田中", "佐藤", "鈴木", "高橋", "渡辺", "伊藤", "山本", "中村", "小林", "齋藤"],
        trades: &["製作所", "商事", "電機", "運輸", "食品"],
        legal_forms: &["株式会社", "有限会社"],
        company: "{form}{name}{trade}",
        streets: &["丸の内", "銀座", "本町", "桜通り"],
        address: "{street}{number}番地",
    },
    Country {
        iso: "AU", calling_code: "61", trunk_zero: true, per_mille: 9,
        cities: &[
            City("Sydney", "NSW", "20##", "2", "9### ####"), City("Melbourne", "VIC", "30##", "3", "9### ####"),
            City("Brisbane", "QLD", "40##", "7", "3### ####"), City("Perth", "WA", "60##", "8", "94## ####"),
        ],
        mobile: &[("41#", "### ###"), ("42#", "### ###"), ("43#", "### ###")],
        first_names: &["Matilda", "Jack", "Chloë", "Liam", "Siobhán", "Bruce", "Mia", "Noah", "Thảo", "Kirra"],
        last_names: &["Nguyễn", "Smith", "Wilson", "McKenzie", "O'Shea", "Papadopoulos", "Singh", "Campbell", "Brown", "Yunupiŋu"],
        trades: &["Mining", "Surfboards", "Wool", "Wines", "Solar"],
        legal_forms: &["Pty Ltd", "Ltd"],
        company: "{name} {trade} {form}",
        streets: &["George Street", "Collins Street", "Beach Road", "Wattle Grove"],
        address: "{number} {street}",
    },
    Country {
        iso: "BR", calling_code: "55", trunk_zero: false, per_mille: 8,
        cities: &[
            City("São Paulo", "SP", "01###-###", "11", "3### ####"), City("Rio de Janeiro", "RJ", "20###-###", "21", "2### ####"),
            City("Belo Horizonte", "MG", "30###-###", "31", "3### ####"), City("Brasília", "DF", "70###-###", "61", "3### ####"),
        ],
        mobile: &[("11", "98### ####"), ("21", "99### ####"), ("31", "98### ####"), ("61", "99### ####")],
        first_names: &["João", "Conceição", "Antônio", "Luísa", "Caíque", "Fernanda", "Sebastião", "Thaís", "Iúri", "Mônica"],
        last_names: &["Gonçalves", "Araújo", "Magalhães", "da Silva", "Conceição", "Simões", "Sá", "Lourenço", "Pereira", "Brandão"],
        trades: &["Construções", "Café", "Mineração", "Açúcar", "Comércio"],
        legal_forms: &["Ltda.", "S.A."],
        company: "{trade} {name} {form}",
        streets: &["Avenida Paulista", "Rua das Acácias", "Rua São João", "Praça da Sé"],
        address: "{street}, {number}",
    },
];
