"""Indonesian: always Anda. Twilio has Google voices for it and no others."""

from datetime import date, time

from commsd.channels.phone.prompts.spoken import Spoken, day_words

_DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip
_HOURS = (
    "dua belas", "satu", "dua", "tiga", "empat", "lima",
    "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas",
)  # fmt: skip
_ZONES = {
    "Jakarta": "Waktu Indonesia Barat",
    "Pontianak": "Waktu Indonesia Barat",
    "Makassar": "Waktu Indonesia Tengah",
    "Jayapura": "Waktu Indonesia Timur",
}


def _on(day: date) -> str:
    return f"hari {_DAYS[day.weekday()]}"


def _dated(day: date) -> str:
    return f"hari {_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]}"


def _part(hour: int) -> str:
    if hour < 4:
        return "dini hari"
    return "pagi" if hour < 11 else "siang" if hour < 15 else "sore" if hour < 18 else "malam"


def clock(at: time) -> str:
    """20:30 is "pukul setengah sembilan malam"."""
    this, following = _HOURS[at.hour % 12], _HOURS[(at.hour + 1) % 12]
    words = {
        0: this,
        15: f"{this} lewat seperempat",
        30: f"setengah {following}",
        45: f"{following} kurang seperempat",
    }
    return f"pukul {words.get(at.minute, f'{this} lewat {at.minute} menit')} {_part(at.hour)}"


INDONESIAN = Spoken(
    tag="id-ID",
    voice="Google.id-ID-Wavenet-A",
    day=day_words("hari ini", "besok", _on, _dated),
    clock=clock,
    zone=lambda city: f", {_ZONES.get(city, f'waktu {city}')}",
    back_by=" {day}, paling lambat {clock}{zone}",
    back_from=" {day}, mulai {clock}{zone}",
    greeting="Terima kasih sudah menghubungi {firm}. Mohon tetap di telepon, kami carikan rekan yang dapat membantu.",
    thanks="Terima kasih sudah menghubungi {firm}.",
    sorry="Kami mohon maaf, tadi belum ada yang sempat menjawab telepon Anda.",
    closed="Terima kasih sudah menghubungi {firm}. Kami sedang tutup.",
    back_we="Kami akan menelepon Anda kembali{when}{where}.",
    back_person="{person} atau rekan satu tim akan menelepon Anda kembali{when}{where}.",
    back_written="Anda akan mendapat jawaban tertulis dari kami{when}.",
    back_noted="Telepon Anda sudah kami catat. Bila kali ini ingin ditelepon kembali, tekan satu.",
    this_number=", di nomor yang Anda pakai sekarang",
    given_number=", di nomor yang Anda berikan",
    kept_place="Telepon Anda sebelumnya tidak kami lupakan, giliran Anda tetap.",
    menu="Anda tidak perlu melakukan apa-apa lagi, telepon boleh ditutup. Bila nomor lain lebih baik, tekan dua. "
    "Bila ingin menitipkan pesan, tekan tiga.",
    menu_without_number="Nomor Anda tidak terlihat oleh kami. Bila ingin memberikan nomor, tekan dua. "
    "Bila ingin menitipkan pesan, tekan tiga.",
    menu_more="Anda juga dapat mengucapkannya saja. Bila tidak perlu ditelepon lagi, tekan sembilan.",
    menu_again="Sekali lagi: dua untuk nomor lain, tiga untuk pesan.",
    ask_number="Silakan ketik nomor Anda dengan kode wilayah, lalu akhiri dengan tombol pagar.",
    ask_again="Nomor itu tidak dapat kami hubungi. Silakan ketik sekali lagi dengan kode wilayah, "
    "lalu akhiri dengan tombol pagar.",
    read_back="Nomor yang Anda berikan adalah {digits}.",
    correct="Bila sudah benar, Anda boleh menutup telepon. Untuk mengubahnya, tekan dua.",
    agreed="Baik. Nomor yang akan kami hubungi adalah {digits}.",
    purpose="Bila berkenan, sampaikan setelah nada, dalam satu atau dua kalimat, apa keperluan Anda. Ucapan Anda "
    "direkam agar tidak perlu diulang nanti. Bila tidak berkenan direkam, tutup saja telepon sekarang; Anda "
    "tetap akan kami hubungi.",
    record="Silakan sampaikan siapa Anda dan apa keperluannya. Kami merekamnya agar rekan yang menghubungi Anda sudah "
    "siap. Bila tidak berkenan direkam, cukup tutup telepon; Anda tetap akan kami hubungi. Tekan pagar bila selesai.",
    record_unrung="Silakan sampaikan siapa Anda dan apa keperluannya. Kami merekamnya agar rekan yang menanganinya "
    "sudah siap. Bila tidak berkenan direkam, cukup tutup telepon; telepon Anda tetap kami catat. "
    "Tekan pagar bila selesai.",
    record_without_number="Silakan sampaikan siapa Anda, nomor yang dapat kami hubungi, dan apa keperluannya. Kami "
    "merekamnya agar dapat menghubungi Anda. Bila tidak berkenan direkam, cukup tutup telepon. "
    "Tekan pagar bila selesai.",
    recorded="Terima kasih, pesan Anda sudah kami terima.",
    noted="Telepon Anda sudah kami catat. Karena kami belum memiliki nomor Anda, mohon hubungi kami sekali lagi "
    "kapan saja Anda sempat.",
    declined="Baik, kami tidak akan menelepon Anda soal ini. Silakan hubungi kami kembali kapan saja.",
    goodbye="Sampai jumpa.",
    after_talk="Terima kasih sudah menghubungi kami. Sampai jumpa.",
    whisper="Ada telepon masuk di saluran {line}. Tekan satu untuk menerima.",
    whisper_gone="Penelepon sudah menutup telepon. Permintaan telepon balik sudah dicatat.",
    whisper_taken="Telepon ini baru saja diterima rekan Anda. Terima kasih.",
    colleague="Tidak ada rekan yang dapat menerima telepon ini. Karena berasal dari nomor kita sendiri, "
    "tidak ada yang dicatat. Sampai jumpa.",
    cannot_connect="Terima kasih sudah menghubungi {firm}. Kami mohon maaf, saat ini kami tidak dapat "
    "menyambungkan Anda.",
    will_ring="Kami akan menghubungi Anda di nomor yang Anda pakai sekarang.",
    after_tone="Bila ingin menyampaikan keperluan Anda, silakan bicara setelah nada; ucapan Anda direkam. "
    "Tutup telepon bila selesai.",
)
